"""From what a child left to evidence: good results, none, half ones, foreign ones, garbage."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.account import Account, read_account, read_texts
from stressor.campaign.evidence import MOST_PRINTED, Remains, gather, printable
from stressor.model.evidence import CallStatus, Control, Divergence, End, Ending, Raised, Why
from stressor.model.outcome import Verdict
from stressor.model.plan import Call, Plan, Schedule, Switch
from stressor.model.record import RECORD_SIZE
from stressor.model.site import Phase
from stressor.oracles import judge
from tests.unit.written_record import BEGIN, GET, TRACE, VISIT, Written

PLAN = Plan("t.py", ((Call("a"), Call("b")), (Call("a"),)), seed=1)
SHAPE = (2, 1)
CLEAN = Ending(End.EXITED)
TOLD = {"type": "ValueError", "message": "m", "where": "t.py:a", "traceback": "Traceback"}
RESULT = {
    "nonce": "n",
    "rounds": 3,
    "calls": ["rx", "l"],
    "raised": [[0, 1, TOLD]],
    "setup": None,
    "check": TOLD,
    "gil": "bad",
}


def written(folder: Path, data: object) -> Path:
    """A result file with this content; text is written as it is."""
    path = folder / "result.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def test_a_complete_result_is_read(tmp_path: Path) -> None:
    raised = Raised("ValueError", "m", "t.py:a", "Traceback")

    assert read_account(written(tmp_path, RESULT), "n", SHAPE) == Account(
        rounds=3, calls=("rx", "l"), raised={(0, 1): raised}, check=raised, gil="bad"
    )


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        json.dumps(RESULT)[:-30],
        {**RESULT, "nonce": "of another trial"},
        {**RESULT, "calls": ["r", "l"]},
        {**RESULT, "calls": ["rx", "l", ""]},
        {**RESULT, "calls": ["r?", "l"]},
        {**RESULT, "calls": ["ru", "l"]},
        {**RESULT, "calls": 5},
        {**RESULT, "calls": [5, 6]},
        {**RESULT, "rounds": -1},
        {**RESULT, "rounds": True},
        {**RESULT, "rounds": "3"},
        {**RESULT, "raised": [[0, 1]]},
        {**RESULT, "raised": [[0, 1, {}]]},
        {**RESULT, "raised": [["0", 1, TOLD]]},
        {**RESULT, "setup": "no"},
        {**RESULT, "check": {**TOLD, "message": 7}},
        {key: value for key, value in RESULT.items() if key != "gil"},
    ],
)
def test_anything_else_is_no_result(tmp_path: Path, data: object) -> None:
    assert read_account(written(tmp_path, data), "n", SHAPE) is None


def test_no_file_is_no_result(tmp_path: Path) -> None:
    assert read_account(tmp_path / "result.json", "n", SHAPE) is None
    assert read_texts(tmp_path / "texts.json", "n", SHAPE) is None


def test_texts_must_fit_the_program(tmp_path: Path) -> None:
    good = {"nonce": "n", "texts": [["a()", "b()"], ["a()"]]}

    assert read_texts(written(tmp_path, good), "n", SHAPE) == (("a()", "b()"), ("a()",))
    assert read_texts(written(tmp_path, good), "n", (2, 2)) is None
    assert read_texts(written(tmp_path, {"nonce": "n", "texts": ["ab", "c"]}), "n", SHAPE) is None


def remains(
    tmp_path: Path,
    ending: Ending = CLEAN,
    account: Account | None = None,
    printed: str = "",
) -> Remains:
    """What is left of a child that has no record."""
    return Remains(ending, account, tmp_path / "record.bin", printed)


def test_a_result_becomes_calls_with_text_and_exceptions(tmp_path: Path) -> None:
    raised = Raised("ValueError", "m")
    account = Account(rounds=3, calls=("rx", "l"), raised={(0, 1): raised, (9, 9): raised})
    texts = (("a(1)", "b(2)"), ("a(3)",))

    evidence = gather(PLAN, remains(tmp_path, account=account), texts)

    told = [(c.op, c.status, c.shown, c.raised) for calls in evidence.calls for c in calls]
    assert told == [
        ("a", CallStatus.RETURNED, "a(1)", None),
        ("b", CallStatus.RAISED, "b(2)", raised),
        ("a", CallStatus.RAISED_LEGAL, "a(3)", None),
    ]
    assert evidence.complete
    assert evidence.rounds == 3


@pytest.mark.parametrize(
    "ending",
    [Ending(End.EXITED), Ending(End.EXITED, 1), Ending(End.SIGNALLED, 11), Ending(End.LOST)],
)
def test_without_result_and_record_nothing_passed(tmp_path: Path, ending: Ending) -> None:
    evidence = gather(PLAN, remains(tmp_path, ending))

    assert not evidence.complete
    assert {c.status for calls in evidence.calls for c in calls} == {CallStatus.NOT_STARTED}
    assert judge(evidence).verdict is not Verdict.PASSED


def test_a_record_of_garbage_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "record.bin").write_bytes(b"\xff" * RECORD_SIZE)

    evidence = gather(PLAN, remains(tmp_path, Ending(End.SIGNALLED, 11)))

    assert evidence.crash is None
    assert evidence.sites == ()


def test_a_schedule_that_left_no_record_is_told_as_one_that_did_nothing(tmp_path: Path) -> None:
    account = Account(rounds=1, calls=("rr", "r"))
    controlled = evolve(PLAN, schedule=Schedule())

    evidence = gather(controlled, remains(tmp_path, account=account))

    assert evidence.control == Control()
    assert judge(evidence).verdict is Verdict.UNKNOWN
    assert gather(PLAN, remains(tmp_path, account=account)).control is None


def test_a_schedule_is_gathered_with_its_choices_and_where_it_was_left(tmp_path: Path) -> None:
    record = Written(tmp_path / "record.bin")
    record.control(BEGIN, VISIT, diverged=(1, 0))
    record.departed(1, VISIT)
    switch = Switch(0, GET, 2, Phase.AFTER, to=1, step=1)
    controlled = evolve(PLAN, schedule=Schedule(switches=(switch,)))
    good = remains(tmp_path, account=Account(rounds=1, calls=("rr", "r")))
    crashed = remains(tmp_path, Ending(End.SIGNALLED, 11))

    for left in (good, crashed):
        control = gather(controlled, left).control

        assert control is not None
        assert [step.why for step in control.steps] == [Why.BEGIN, Why.VISIT]
        assert control.divergence == Divergence(
            1, f"thread 0 after {GET} (visit 2), then thread 1", f"thread 1 after {GET} (visit 7)"
        )
    assert judge(gather(controlled, good)).verdict is Verdict.DIVERGED
    assert judge(gather(controlled, crashed)).verdict is Verdict.FAILED


def test_a_schedule_with_another_trace_was_left(tmp_path: Path) -> None:
    Written(tmp_path / "record.bin").control(BEGIN, VISIT)
    good = remains(tmp_path, account=Account(rounds=1, calls=("rr", "r")))
    verdicts = {
        trace: judge(gather(evolve(PLAN, schedule=Schedule(trace=trace)), good)).verdict
        for trace in ("", f"{TRACE:016x}", "f" * 16)
    }

    assert list(verdicts.values()) == [Verdict.PASSED, Verdict.PASSED, Verdict.DIVERGED]


def test_a_fault_of_our_own_is_never_the_targets(tmp_path: Path) -> None:
    told = gather(PLAN, remains(tmp_path, account=Account(fault="Traceback: ours")))
    printed = gather(
        PLAN, remains(tmp_path, Ending(End.EXITED, 70), printed="x\nstressor's own fault:\nno disk")
    )

    assert told.fault == "Traceback: ours"
    assert printed.fault == "stressor's own fault:\nno disk"
    assert {judge(told).verdict, judge(printed).verdict} == {Verdict.BROKEN}


def test_what_was_printed_is_cut_and_made_harmless() -> None:
    assert printable("a\x1b[2Jb\x00\tc\nd\u202e") == "a\\x1b[2Jb\\x00\tc\nd\\u202e"
    assert len(printable("x" * 1_000_000)) == MOST_PRINTED
