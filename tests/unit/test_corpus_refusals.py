"""Files from strangers: refused by name and skipped, nothing else lost, nothing removed."""

import json
import os
from pathlib import Path

import pytest
from attrs import evolve

from stressor.corpus import Corpus, Entry, EntryError, load_entry
from stressor.errors import ExitCode
from stressor.model.codec import MOST_BYTES, encode_readable
from stressor.model.outcome import Outcome, Verdict
from tests.unit.trials import CRASHED, with_calls

GOOD = encode_readable(CRASHED)


def with_version(version: object) -> bytes:
    return json.dumps({**json.loads(GOOD), "version": version}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON"),
        (GOOD[: len(GOOD) // 2], "is not valid JSON"),
        (b"\x80\x04K\x01.", "is not UTF-8 text"),
        (b"[" * 100_000, "is nested too deeply"),
        (with_version(2), "has format version 2"),
        (with_version(None), "has format version None"),
        (b'{"stressor": "plan", "version": 1}', "is not a stressor trial"),
        (b" " * (MOST_BYTES + 1), "is larger than"),
        (GOOD.replace(b'"seed": 7', b'"seed": NaN'), "NaN is not a number"),
        (GOOD.replace(b'"seed": 7', b'"seed": 7, "run": "rm"'), "trial.plan: unknown keys: run"),
        (encode_readable(evolve(CRASHED, outcome=Outcome(Verdict.PASSED))), "holds no failure"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_the_others_are_there(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    corpus = Corpus(tmp_path)
    good = corpus.keep(with_calls(1))
    bad = good.with_name(f"{0:016x}.json")
    bad.write_bytes(content)

    with pytest.raises(EntryError) as refused:
        load_entry(bad)
    assert reason in refused.value.reason
    assert refused.value.path == bad
    assert refused.value.exit_code is ExitCode.USAGE
    assert str(bad) in str(refused.value)

    (good.parent / "exemplar").unlink()
    assert [entry.path for entry in corpus.exemplars()] == [good]
    assert bad.read_bytes() == content


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path, reason in (
        (tmp_path / "pipe.json", "is not a regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / "missing.json", "cannot be opened: No such file"),
        (Path("/dev/zero"), "is not a regular file"),
        (Path("a\0b"), "cannot be opened"),
    ):
        with pytest.raises(EntryError) as refused:
            load_entry(path)
        assert reason in refused.value.reason


def test_links_in_a_corpus_are_not_followed(tmp_path: Path) -> None:
    outside = Corpus(tmp_path / "outside").keep(CRASHED)
    corpus = Corpus(tmp_path / "corpus")
    good = corpus.keep(with_calls(1))
    link = good.with_name(f"{0:016x}.json")
    link.symlink_to(outside)
    folder = corpus.root / "crash-elsewhere"
    folder.symlink_to(outside.parent)

    listing = corpus.listing()
    assert [entry.path for entry in listing.entries] == [good]
    assert {problem.path for problem in listing.problems} == {link, folder}
    assert all("is a link" in problem.reason for problem in listing.problems)
    with pytest.raises(EntryError, match="is a link"):
        corpus.load(Entry(link))
    # A person who names a link means what it leads to.
    assert load_entry(link) == CRASHED


def test_what_has_no_business_in_a_corpus_is_named_and_left_alone(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    folder = corpus.keep(with_calls(1)).parent
    strange = [
        folder / "notes.txt",
        folder / "ABCDEFABCDEFABCD.json",
        folder / f"{0:016x}.json.bak",
        tmp_path / "top.json",
    ]
    for path in strange:
        path.write_text("?")
    (folder / f"{1:016x}.json").mkdir()
    (folder / "README.md").write_text("what this bug is about")
    (tmp_path / ".gitignore").write_text("")

    listing = corpus.listing()
    assert len(listing.entries) == 1
    named = {problem.path for problem in listing.problems}
    assert named == {*strange, folder / f"{1:016x}.json"}
    assert all(str(problem.path) in str(problem) for problem in listing.problems)
    assert all(path.exists() for path in named)


def test_listing_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "crash-x"
    folder.mkdir()
    for number in range(500):
        (folder / f"{number:016x}.json").touch()

    def refuse(*args: object, **keywords: object) -> None:
        raise AssertionError(f"opened {args} {keywords}")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert len(Corpus(tmp_path).listing().entries) == 500


def test_places_of_a_stranger_stay_inside_of_the_corpus(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus")
    path = corpus.keep(with_calls(1, where="../../../../tmp/evil"))
    assert path.parent.parent == corpus.root
    assert corpus.root in path.resolve().parents
