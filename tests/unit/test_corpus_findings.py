"""What models broke, in a corpus: kept, read again, and refused when it is not what it says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from stressor.cli.main import run
from stressor.corpus import Corpus, CorpusWriteError, EntryError, Findings, load_entry, load_kept
from stressor.corpus.findings import MOST_CHARACTERS
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.finding import Finding, Taken
from stressor.mechanisms.registry import maker, named
from stressor.model.codec import MOST_BYTES, decode, encode_compact, encode_readable
from tests.unit.trials import with_calls


def found(defect: str = "ignores-shared") -> Finding:
    finding = exhaust(maker(named("rc-brc"), defect)).finding
    assert finding is not None
    return finding


FOUND = found()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "corpus"


@pytest.fixture
def entry(root: Path) -> Path:
    return Findings(root).keep(FOUND)


def edited(path: Path, change: dict[str, Any]) -> Path:
    data = json.loads(path.read_text())
    data["finding"] |= change
    path.write_text(json.dumps(data))
    return path


def test_a_finding_comes_back_as_it_was(root: Path, entry: Path) -> None:
    assert entry.parent.parent == root / "models"
    assert load_kept(entry) == FOUND
    assert Findings(root).keep(FOUND) == entry
    assert [each.path for each in Findings(root).listing().entries] == [entry]
    assert decode(encode_compact(FOUND), Finding, "text") == FOUND


def test_findings_and_trials_do_not_see_each_other(root: Path, entry: Path) -> None:
    trial = Corpus(root).keep(with_calls(3))
    assert [each.path for each in Corpus(root).entries()] == [trial]
    assert not Corpus(root).listing().problems
    assert [each.path for each in Findings(root).listing().entries] == [entry]
    # A target that is called like a mechanism.
    assert not Corpus(root).known("somewhere/I1.py").problems


def test_only_the_cheapest_are_kept(root: Path) -> None:
    longer = [
        evolve(
            FOUND,
            run=evolve(FOUND.run, schedule=FOUND.run.schedule * n),
            steps=FOUND.steps * n,
        )
        for n in range(1, 13)
    ]
    for each in reversed(longer):
        path = Findings(root).keep(each)
    left = [Findings(root).load(entry) for entry in Findings(root).listing().entries]
    assert sorted(len(each.steps) for each in left) == [len(each.steps) for each in longer[:9]]
    Findings(root).keep(longer[11])
    assert Findings(root).prune(0).removed
    assert [each.path for each in Findings(root).listing().entries] == [path]


def test_long_state_is_cut_and_a_broken_name_is_refused(root: Path) -> None:
    long = evolve(FOUND, before={"all": "x" * (2 * MOST_CHARACTERS)})
    kept = load_kept(Findings(root).keep(long))
    assert isinstance(kept, Finding)
    assert kept.before["all"] == "x" * MOST_CHARACTERS + " [...]"
    broken = evolve(
        FOUND, run=evolve(FOUND.run, schedule=("\ud800",)), steps=(Taken("\ud800", "x"),)
    )
    with pytest.raises(CorpusWriteError, match="valid Unicode"):
        Findings(root).keep(broken)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"run": {"mechanism": ""}}, "run.mechanism: must name"),
        ({"steps": []}, "steps: must be those of the threads"),
        ({"run": {"mechanism": "rc-brc", "sizes": {"others": "2"}}}, "must be a whole number"),
        ({"run": {"mechanism": "x", "schedule": ["T"] * 5001}}, "at most 5000 steps"),
        ({"run": {"mechanism": "x", "schedule": [f"T{n}" for n in range(65)]}}, "64 threads"),
        ({"extra": 1}, "unknown keys: extra"),
        ({"broken": None}, "finding.broken: must be an object"),
    ],
)
def test_edited_entries_are_refused(entry: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(EntryError) as raised:
        load_kept(edited(entry, change))
    assert says in raised.value.reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (encode_readable(FOUND)[:200], "is not valid JSON"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b" " * (MOST_BYTES + 1), "is larger than"),
        (b'{"stressor": "finding", "version": 7}', "has format version 7"),
        (b'{"stressor": "hope"}', "is not a stressor trial"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_none_is_refused_and_left(
    root: Path, entry: Path, text: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry.write_bytes(text)
    for command in (["replay"], ["corpus", "show"]):
        assert run([*command, str(entry)]) == 2
        assert says in capsys.readouterr().err
    assert run(["corpus", "list", "--corpus", str(root)]) == 0
    told = capsys.readouterr()
    assert "no entries" in told.out
    assert "refused: " in told.err
    assert run(["corpus", "prune", "--keep", "0", "--corpus", str(root)]) == 0
    assert entry.read_bytes() == text


def test_links_are_not_followed(root: Path, entry: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "models").symlink_to(root / "models")
    assert not Findings(other).listing().entries
    assert "is a link" in Corpus(other).listing().problems[0].reason
    with pytest.raises(CorpusWriteError, match="link to somewhere else"):
        Findings(other).keep(FOUND)


def test_merging_takes_both_kinds(
    root: Path, entry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Corpus(root).keep(with_calls(3))
    there = str(tmp_path / "there")
    assert run(["corpus", "merge", str(root), "--corpus", there]) == 0
    assert "2 added, 0 known already, 0 refused" in capsys.readouterr().out
    assert run(["corpus", "merge", str(entry), "--corpus", there]) == 0
    assert "0 added, 1 known already, 0 refused" in capsys.readouterr().out
    assert run(["corpus", "list", "--json", "--corpus", there]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed["entries"]) == 1
    assert [each["model"] for each in listed["models"]] == ["rc-brc"]


def test_showing_and_replaying(entry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpus", "show", str(entry)]) == 0
    assert "rc-brc, defect ignores-shared" in capsys.readouterr().out
    # The folder stands for its cheapest entry.
    assert run(["replay", str(entry.parent)]) == 1
    assert "rc-brc broken again, step by step as it was kept" in capsys.readouterr().out
    assert run(["replay", str(entry), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["became"] == "same"


@pytest.mark.parametrize("command", ["minimize", "export"])
def test_what_is_for_targets_only(
    entry: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, str(entry)]) == 2
    assert "is what a model broke" in capsys.readouterr().err
    with pytest.raises(EntryError):
        load_entry(entry)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mechanism": "rc-brk"}, "did you mean rc-brc"),
        ({"defect": "ignores-sharing"}, "did you mean ignores-shared"),
        ({"source": "gone.py:Cache"}, "gone.py"),
        ({"source": "nowhere.models:Cache"}, "there is no such file, folder or module"),
        ({"sizes": {"others": 99}}, "must be 0 to 64, not 99"),
    ],
)
def test_a_model_that_is_gone(
    entry: Path, change: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(entry.read_text())
    data["finding"]["run"] |= change
    entry.write_text(json.dumps(data))
    assert run(["replay", str(entry)]) == 2
    assert says in capsys.readouterr().err


def test_an_unwritable_corpus_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").write_text("a file")
    arguments = ["rc-brc", "--defect", "ignores-shared", "--strategy", "plain-walk", "--seed", "1"]
    assert run(["models", "run", *arguments, "--corpus", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "broken  I1" in told.out
    assert "cannot be written to the corpus" in told.err
    assert os.listdir(tmp_path) == ["models"]
