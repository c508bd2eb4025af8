"""Disks that are full or read-only, writers that die, and evidence that is too large."""

import errno
import os
from pathlib import Path

import pytest
from attrs import evolve

from stressor.corpus import Corpus, CorpusWriteError, load_entry
from stressor.errors import ExitCode
from stressor.model.codec import MOST_BYTES
from stressor.model.evidence import CallResult, CallStatus, Control, Event, Raised, Step, Why
from stressor.model.plan import Call, Plan
from stressor.model.site import Phase
from tests.unit.trials import CRASHED, EVIDENCE, GET, with_calls


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_is_told_and_nothing_half_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, said: str
) -> None:
    corpus = Corpus(tmp_path)
    before = corpus.keep(with_calls(1))

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(CorpusWriteError) as refused:
        corpus.keep(with_calls(2))
    assert said in refused.value.reason
    assert str(tmp_path) in str(refused.value)
    monkeypatch.undo()
    assert [entry.path for entry in corpus.entries()] == [before]
    assert not list(before.parent.glob(".*"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusWriteError, match="file"):
        Corpus(tmp_path / "file").keep(CRASHED)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    corpus = Corpus(tmp_path / "corpus")
    corpus.root.mkdir()
    corpus.path_of(CRASHED).parent.symlink_to(tmp_path / "outside")
    with pytest.raises(CorpusWriteError, match="is a link"):
        corpus.keep(CRASHED)
    assert not list((tmp_path / "outside").iterdir())


def test_an_entry_that_is_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path = corpus.path_of(CRASHED)
    path.parent.mkdir(parents=True)
    path.symlink_to(precious)
    corpus.keep(CRASHED)
    assert precious.read_text() == "mine"
    assert load_entry(path) == CRASHED


def test_a_reader_sees_the_old_entry_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(tmp_path)
    path = corpus.keep(CRASHED)
    seen = []
    real = os.replace

    def look(source: Path, target: Path) -> None:
        if Path(target) == path:
            seen.append(load_entry(path) == CRASHED)
        real(source, target)

    monkeypatch.setattr(os, "replace", look)
    corpus.keep(evolve(CRASHED, minimized=False))
    assert seen == [True]
    assert not load_entry(path).minimized


def test_an_exemplar_that_cannot_be_noted_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def refuse_notes(source: Path, target: Path) -> None:
        if Path(target).name == "exemplar":
            raise OSError(errno.ENOSPC, "full")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse_notes)
    path = Corpus(tmp_path).keep(CRASHED)
    assert [entry.path for entry in Corpus(tmp_path).exemplars()] == [path]


@pytest.mark.slow
def test_large_evidence_is_cut_and_the_plan_is_not(tmp_path: Path) -> None:
    events = tuple(
        tuple(Event(thread, at, GET, 1, Phase.BEFORE) for at in range(1000)) for thread in range(50)
    )
    wrong = CallResult("pull", CallStatus.RAISED, "pull()", Raised("E", "m" * 2000, "", "t" * 8000))
    right = CallResult("pull", CallStatus.RETURNED, "pull('some text')")
    plan = Plan("t.py", ((Call("pull"),) * 2500,) * 2, 1)
    calls = ((wrong,) * 4 + (right,) * 2496,) * 2
    huge = evolve(
        CRASHED,
        plan=plan,
        evidence=evolve(EVIDENCE, events=events, calls=calls, stderr="x" * 10**6),
    )
    path = Corpus(tmp_path).keep(huge)
    assert path.stat().st_size <= MOST_BYTES
    kept = load_entry(path)
    assert kept.plan == plan
    assert kept.evidence.events[0][-1] == events[0][-1]
    assert kept.evidence.crash == EVIDENCE.crash
    assert kept.evidence.stderr.startswith("[...]")


def test_small_evidence_is_kept_whole(tmp_path: Path) -> None:
    assert load_entry(Corpus(tmp_path).keep(CRASHED)) == CRASHED


def test_a_plan_that_no_entry_can_hold_is_refused(tmp_path: Path) -> None:
    plan = Plan("t.py", ((Call("pull", "00" * 60_000),) * 50,), 1)
    with pytest.raises(CorpusWriteError, match="the plan alone"):
        Corpus(tmp_path).keep(evolve(CRASHED, plan=plan))


def test_what_would_be_refused_is_not_said_to_be_kept(tmp_path: Path) -> None:
    odd = evolve(CRASHED, plan=evolve(CRASHED.plan, rounds=0))
    with pytest.raises(CorpusWriteError, match=r"plan\.rounds: must be between"):
        Corpus(tmp_path).keep(odd)
    assert Corpus(tmp_path).entries() == ()


def test_a_corpus_that_cannot_be_written_is_not_a_fault_of_stressor() -> None:
    assert CorpusWriteError("x", "the disk is full").exit_code is ExitCode.USAGE


def test_the_first_choices_of_a_long_schedule_are_kept_and_their_number(tmp_path: Path) -> None:
    steps = tuple(
        Step(number % 2, GET, 1 + number, Phase.AFTER, 0, Why.VISIT, (0, 1))
        for number in range(40_000)
    )
    control = Control(steps, count=len(steps), trace="0" * 16)
    kept = Corpus(tmp_path).keep(evolve(CRASHED, evidence=evolve(EVIDENCE, control=control)))

    found = load_entry(kept).evidence.control
    assert found is not None
    assert found.count == 40_000
    assert found.steps == steps[: len(found.steps)]
    assert 1_000 < len(found.steps) < 40_000
