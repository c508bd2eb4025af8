"""Keeping, choosing the exemplar, merging and pruning."""

import os
import re
from pathlib import Path

import pytest
from attrs import evolve

from stressor.corpus import Corpus, load_entry
from stressor.corpus.folder import folder_name, is_same, may_hold, short_target
from stressor.corpus.store import MOST_TO_TIDY, OTHERS
from stressor.model.codec import plan_key
from stressor.model.outcome import Outcome, Verdict
from tests.unit.trials import CRASHED, with_calls, with_rate

SIGNATURE = CRASHED.outcome.failures[0].signature


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "new" / "corpus")
    path = corpus.keep(CRASHED)
    assert load_entry(path) == CRASHED
    assert path.name == f"{plan_key(CRASHED.plan)}.json"
    signature = CRASHED.outcome.failures[0].signature
    assert path.parent.name == f"{signature.slug()}-cases"
    exemplar = corpus.exemplar(signature, CRASHED.plan.target)
    assert exemplar is not None
    assert exemplar.path == path
    [entry] = corpus.entries()
    assert (entry.path, entry.key, entry.slug) == (path, path.stem, path.parent.name)
    assert corpus.load(entry) == CRASHED


def test_a_trial_without_a_failure_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a failure"):
        Corpus(tmp_path).keep(evolve(CRASHED, outcome=Outcome(Verdict.PASSED)))


def test_a_corpus_that_is_not_there_is_empty(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "nothing")
    assert corpus.listing().entries == ()
    assert corpus.listing().problems == ()
    assert list(corpus.exemplars()) == []
    assert corpus.exemplar(CRASHED.outcome.failures[0].signature, "t.py") is None
    assert not corpus.root.exists()


def test_the_cheapest_is_the_exemplar_in_any_order(tmp_path: Path) -> None:
    for number, order in enumerate(([3, 1, 2], [1, 2, 3], [3, 2, 1])):
        corpus = Corpus(tmp_path / str(number))
        for calls in order:
            corpus.keep(with_calls(calls))
        [exemplar] = corpus.exemplars()
        assert corpus.load(exemplar).plan.calls == 2


def test_of_equally_cheap_ones_that_which_fails_more_often(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.keep(with_rate(with_calls(1, seed=1), 3))
    better = corpus.keep(with_rate(with_calls(1, seed=2), 19))
    corpus.keep(with_calls(1, seed=3))
    assert [entry.path for entry in corpus.exemplars()] == [better]


def test_each_signature_has_its_own_exemplar(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    for where in ("a:f", "b:g"):
        for calls in (2, 1):
            corpus.keep(with_calls(calls, where=where))
    assert [corpus.load(entry).plan.calls for entry in corpus.exemplars()] == [2, 2]


def test_few_others_are_kept_and_the_newest_always(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    for calls in range(1, 2 * OTHERS):
        newest = corpus.keep(with_calls(calls))
        assert newest.exists()
    kept = sorted(corpus.load(entry).plan.calls - 1 for entry in corpus.entries())
    assert len(kept) <= OTHERS + 2
    assert kept[:OTHERS] == list(range(1, OTHERS + 1))
    assert kept[-1] == 2 * OTHERS - 1


def test_a_folder_with_more_than_we_would_keep_is_left_as_it_is(tmp_path: Path) -> None:
    path = Corpus(tmp_path).keep(with_calls(1))
    for number in range(MOST_TO_TIDY):
        (path.parent / f"{number:016x}.json").write_text("{}")
    Corpus(tmp_path).keep(with_calls(2))
    assert len(Corpus(tmp_path).entries()) == MOST_TO_TIDY + 2


def test_the_same_plan_is_one_entry_and_its_rate_is_not_lost(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    path = corpus.keep(with_rate(with_calls(1), 19))
    assert corpus.keep(with_calls(1)) == path
    assert str(load_entry(path).rate) == "19/20"
    corpus.keep(with_rate(with_calls(1), 7))
    assert str(load_entry(path).rate) == "7/20"
    assert len(corpus.entries()) == 1


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"../../x", b"\xff" * 1000, b"f" * 16 + b".json"]
)
def test_a_stale_exemplar_file_is_made_up_for(tmp_path: Path, content: bytes) -> None:
    corpus = Corpus(tmp_path)
    path = corpus.keep(with_calls(1))
    (path.parent / "exemplar").write_bytes(content)
    assert [entry.path for entry in corpus.exemplars()] == [path]
    (path.parent / "exemplar").unlink()
    assert [entry.path for entry in corpus.exemplars()] == [path]


def test_an_exemplar_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = Corpus(tmp_path).keep(with_calls(1))
    (path.parent / "exemplar").unlink()
    os.mkfifo(path.parent / "exemplar")
    assert [entry.path for entry in Corpus(tmp_path).exemplars()] == [path]


def test_merging_adds_what_is_new_and_puts_it_where_it_belongs(tmp_path: Path) -> None:
    ours, theirs = Corpus(tmp_path / "ours"), Corpus(tmp_path / "theirs")
    shared = ours.keep(with_calls(1))
    theirs.keep(with_calls(1))
    moved = theirs.keep(with_calls(2))
    misnamed = moved.parent.with_name("crash-somewhere-else") / f"{0:016x}.json"
    misnamed.parent.mkdir()
    moved.rename(misnamed)
    hurt = misnamed.with_name(f"{1:016x}.json")
    hurt.write_text("{")

    merged = ours.merge(theirs.root)
    assert merged.known == (shared,)
    assert merged.added == (ours.path_of(with_calls(2)),)
    assert [problem.path for problem in merged.problems] == [hurt]
    assert hurt.exists()
    assert len(ours.entries()) == 2
    assert ours.merge(theirs.root).added == ()


def test_one_file_can_be_merged(tmp_path: Path) -> None:
    path = Corpus(tmp_path / "theirs").keep(CRASHED)
    odd = path.rename(tmp_path / "from a mail.json")
    [added] = Corpus(tmp_path / "ours").merge(odd).added
    assert load_entry(added) == CRASHED


def test_pruning_keeps_the_cheapest_and_what_it_cannot_read(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    paths = {calls: corpus.keep(with_calls(calls)) for calls in (1, 2, 3, 4)}
    hurt = paths[1].with_name(f"{0:016x}.json")
    hurt.write_text("[]")
    stale = paths[1].with_name(".x.json.abc.tmp")
    stale.write_text("half")
    os.utime(stale, (1, 1))
    fresh = paths[1].with_name(".y.json.abc.tmp")
    fresh.write_text("somebody writes this now")

    pruned = corpus.prune(others=1)
    assert set(pruned.removed) == {paths[3], paths[4], stale}
    assert [problem.path for problem in pruned.problems] == [hurt]
    assert hurt.exists()
    assert fresh.exists()
    assert [corpus.load(entry).plan.calls for entry in corpus.exemplars()] == [2]


def test_pruning_leaves_each_target_its_failure_of_one_signature(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    ours = with_calls(1)
    theirs = evolve(with_calls(2), plan=evolve(with_calls(2).plan, target="other/target.py"))
    paths = {corpus.keep(ours), corpus.keep(theirs)}
    assert len({path.parent for path in paths}) == 2
    assert corpus.prune(0).removed == ()
    assert {entry.path for entry in corpus.exemplars()} == paths


def test_targets_that_share_a_folder_do_not_push_each_other_out(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    theirs = with_calls(2 * OTHERS)
    theirs = evolve(theirs, plan=evolve(theirs.plan, target="other/t/target.py"))
    path = corpus.keep(theirs)
    for calls in range(1, OTHERS + 2):
        assert corpus.keep(with_calls(calls)).parent == path.parent
    assert path.exists()
    assert corpus.prune(0).removed
    assert len(corpus.entries()) == 2

    [(entry, trial)] = corpus.known(theirs.plan.target).entries
    assert (entry.path, trial) == (path, theirs)
    [(_, trial)] = corpus.known(with_calls(1).plan.target).entries
    assert trial.plan.calls == 2


def test_known_failures_of_a_target_are_found_and_no_other_is_read(
    tmp_path: Path,
) -> None:
    corpus = Corpus(tmp_path)
    cheap = [corpus.keep(with_calls(1, where=where)) for where in ("a:f", "b:g")]
    corpus.keep(with_calls(2, where="a:f"))
    bad = cheap[0].with_name(f"{0:016x}.json")
    bad.write_text("{")
    corpus.keep(CRASHED).write_text("{")

    known = corpus.known(with_calls(1).plan.target)

    assert [entry.path for entry, _ in known.entries] == cheap
    assert [problem.path for problem in known.problems] == [bad]
    assert corpus.known("nowhere.py").entries == ()


@pytest.mark.parametrize("spelled", ["box/target.py", "target.py", "./target.py", "link.py"])
@pytest.mark.parametrize("kept_as", ["box/target.py", "target.py", "../box/target.py"])
def test_a_target_is_known_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str, kept_as: str
) -> None:
    for name in ("box/box", "box"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "box/target.py").touch()
    (tmp_path / "box/link.py").symlink_to("target.py")
    (tmp_path / "box/box/target.py").symlink_to("../target.py")
    monkeypatch.chdir(tmp_path / "box")
    corpus = Corpus(tmp_path / "corpus")
    corpus.keep(evolve(CRASHED, plan=evolve(CRASHED.plan, target=kept_as)))

    assert len(corpus.known(spelled).entries) == 1
    assert len(corpus.known(str(tmp_path / "box/target.py")).entries) == 1
    assert corpus.known("other.py").entries == ()


def test_targets_are_the_same_by_name_or_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert is_same("target.py", f"{tmp_path}/target.py")
    assert is_same("pkg.module:Class", "pkg.module:Class")
    assert not is_same("target.py", "other.py")
    assert may_hold(folder_name(SIGNATURE, "pkg.module:Class"), "pkg.module:Class")
    assert not may_hold(folder_name(SIGNATURE, "pkg.module:Class"), "pkg.module")


@pytest.mark.parametrize(
    ("target", "short"),
    [
        ("my/cases/target.py", "cases"),
        ("/elsewhere/my/cases/target.py", "cases"),
        ("my/cases/", "cases"),
        ("target.py", "target"),
        ("my/box.py", "box"),
        ("my/box.py:Full", "box-Full"),
        ("my/cases/target.py:Full", "cases-Full"),
        ("package.module", "package.module"),
        ("package.module:Full", "package.module-Full"),
    ],
)
def test_a_target_is_named_by_its_last_telling_part(target: str, short: str) -> None:
    assert short_target(target) == short
    assert folder_name(SIGNATURE, target) == f"{SIGNATURE.slug()}-{short}"


def test_odd_names_of_targets_are_safe_and_stay_apart() -> None:
    names = ["a b.py", "a\u00a0b.py", "..", "\n", "x" * 300, "x" * 299, "..:\udcff"]
    folders = {folder_name(SIGNATURE, name) for name in names}
    assert len(folders) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,160}", folder) for folder in folders)


def test_a_damaged_exemplar_is_made_up_for_by_its_siblings(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    damaged, other = corpus.keep(with_calls(1)), corpus.keep(with_calls(2))
    assert [entry.path for entry in corpus.exemplars()] == [damaged]
    damaged.write_text("{")
    assert [entry.path for entry in corpus.exemplars()] == [other]
