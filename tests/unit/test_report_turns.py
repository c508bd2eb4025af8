"""A controlled schedule drawn and in numbers: golden texts of the whole, and of the corners."""

from attrs import evolve

from stressor.model.evidence import (
    Control,
    Divergence,
    End,
    Ending,
    Evidence,
    Loss,
    Step,
    Wait,
    Why,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Call, Plan, Schedule, Spec, Switch
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.report import failure_report
from stressor.report.control import control_facts
from stressor.report.turns import MOST_ROWS, turns
from tests.unit.test_report_explanation import GET, READ, READER, SET, SITES, USE, WRITE, WRITER

B, A = Phase.BEFORE, Phase.AFTER
OTHER = "call:ext:PyErr_Occurred+0x30"


def step(
    thread: int, site: str, phase: Phase = B, to: int | None = None, why: Why = Why.VISIT
) -> Step:
    obj = 0xAA if site in (GET, SET) else 0
    visit = 1 if site else 0
    return Step(thread, site, visit, phase, thread if to is None else to, why, (0, 1), obj)


def others(thread: int, count: int) -> list[Step]:
    """Visits that nobody will want to see."""
    return [evolve(step(thread, OTHER), visit=n) for n in range(1, count + 1)]


STEPS = (
    step(-1, "", to=0, why=Why.BEGIN),
    step(0, READ),
    *others(0, 14),
    step(0, GET),
    step(0, GET, A, to=1),
    step(1, WRITE),
    *others(1, 1),
    step(1, SET),
    step(1, SET, A),
    step(1, WRITE, A),
    step(1, "", to=0, why=Why.ENDED),
    step(0, USE),
    step(0, USE, A),
    step(0, READ, A),
)
CONTROL = Control(STEPS, len(STEPS), "00ff00ff00ff00ff")
LOSS = Loss(GET, 0, 1, "str", 1, "passed to PyObject_Repr", READER, WRITER)
FAILURE = Failure(Signature(FailureKind.BORROW, "ext:ext_read", "PyList_GetItem"), "it is", 0)
TRIAL = Trial(
    Plan(
        "t.py",
        ((Call("read"),), (Call("write"),)),
        seed=1,
        schedule=Schedule(Spec("first"), (Switch(0, GET, 1, A, 1),)),
    ),
    Evidence(
        Ending(End.EXITED),
        rounds=1,
        losses=(LOSS,),
        sites=tuple(SITES.values()),
        control=CONTROL,
    ),
    Outcome(Verdict.FAILED, (FAILURE,)),
    minimized=True,
)


def drawn(*path: Step, deadlock: tuple[Wait, ...] = ()) -> list[str]:
    control = Control(path, len(path), deadlock=deadlock)
    return turns(evolve(TRIAL, evidence=evolve(TRIAL.evidence, control=control)), SITES, {})


def test_the_report_of_a_controlled_trial() -> None:
    lines = failure_report(TRIAL, None).plain.splitlines()
    start, end = lines.index("What has to happen"), lines.index("Conditions")
    stacks = next(i for i, line in enumerate(lines) if line.startswith("Thread 0 borrowed"))
    assert lines[start : min(stacks, end)] == [
        "What has to happen",
        "  1. thread 0 gives the turn to thread 1 after PyList_GetItem in ext_read+0x8 (ext.c:7) "
        "(1st visit)",
        "",
        "What happened",
        "  Thread 0 held a borrowed str from PyList_GetItem in ext_read (ext.c:7) while thread 1 "
        "destroyed it by PyList_SetItem in ext_write+0x8 (ext.c:17).",
        "  Then it was passed to PyObject_Repr: that was the last use.",
        "  borrowed here: thread 0 after PyList_GetItem in ext_read+0x8 (ext.c:7) (1st visit)",
        "  broke it: thread 1 before PyList_SetItem in ext_write+0x8 (ext.c:17) (1st visit)",
        "  last use: thread 0 before PyObject_Repr in ext_read+0x9 (ext.c:8) (1st visit)",
        "",
        "Schedule",
        "  one thread at a time; 1 switch given, strategy first for the rest",
        "  27 choices; the turn changed hands 2 times, 1 of them although the thread could have "
        "gone on",
        "",
        "Turns (-> before, <- after)",
        "  thread 0                            thread 1",
        "  -> operation read",
        "  ... 14 visits",
        "  -> PyList_GetItem in ext_read+0x8",
        "  <- PyList_GetItem in ext_read+0x8",
        "  * borrowed here",
        "  turn ----------------------------->",
        "                                      -> operation write",
        "                                      ... 1 visit",
        "                                      -> PyList_SetItem in ext_write+0x8",
        "                                      * broke it",
        "                                      <- PyList_SetItem in ext_write+0x8",
        "                                      <- operation write",
        "  <----------------------------------- ended",
        "  -> PyObject_Repr in ext_read+0x9",
        "  * last use",
        "  ... 1 visit",
        "  <- operation read",
        "",
    ]


def test_a_deadlock_shows_the_visits_of_what_is_waited_for() -> None:
    path = (
        step(0, READ),
        step(0, GET),
        step(0, GET, A),
        *others(0, 3),
        step(0, USE, to=1),
        step(1, WRITE),
        step(1, GET, to=0, why=Why.BLOCKED),
        step(0, USE, to=1, why=Why.YIELD),
        step(-1, "", to=0, why=Why.EXPIRED),
        step(0, USE, A),
    )
    assert drawn(*path, deadlock=(Wait(1, GET, 1, 0xAA),)) == [
        "thread 0                              thread 1",
        "-> operation read",
        "-> PyList_GetItem in ext_read+0x8",
        "<- PyList_GetItem in ext_read+0x8",
        "... 3 visits",
        "-> PyObject_Repr in ext_read+0x9",
        "turn ------------------------------->",
        "                                      -> operation write",
        "                                      -> PyList_GetItem in ext_read+0x8",
        "<------------------------------------- waits",
        "yields ----------------------------->",
        "(all wait, and its wait ends first)",
        "<- PyObject_Repr in ext_read+0x9",
    ]


def test_arrows_reach_over_columns_between() -> None:
    path = [step(0, READ, to=2), step(2, WRITE, to=1), step(1, WRITE, to=0), step(0, READ, A)]
    assert drawn(*path) == [
        "thread 0            thread 1             thread 2",
        "-> operation read",
        "turn ---------------------------------->",
        "                                         -> operation write",
        "                    <-------------------- turn",
        "                    -> operation write",
        "<------------------- turn",
        "<- operation read",
    ]


def test_a_long_schedule_shows_its_end() -> None:
    path = [evolve(step(n % 2, READ, to=1 - n % 2), visit=n) for n in range(100)]
    lines = drawn(*path)
    assert len(lines) == MOST_ROWS + 2
    assert lines[1] == f"... {200 - MOST_ROWS} lines of what went before are left out"


def test_without_all_choices_nothing_is_drawn() -> None:
    half = evolve(CONTROL, steps=STEPS[:3])
    assert not turns(evolve(TRIAL, evidence=evolve(TRIAL.evidence, control=half)), SITES, {})
    none = evolve(TRIAL.evidence, control=None)
    assert not turns(evolve(TRIAL, evidence=none), SITES, {})


def facts(schedule: Schedule | None, control: Control | None = CONTROL) -> list[str]:
    plan = evolve(TRIAL.plan, schedule=schedule)
    return list(
        control_facts(evolve(TRIAL, plan=plan, evidence=evolve(TRIAL.evidence, control=control)))
    )


def test_threads_in_parallel_have_no_schedule() -> None:
    assert not facts(None, None)


def test_pct_has_a_bound() -> None:
    lines = facts(Schedule(Spec("pct", {"depth": 2.0, "steps": 50.0})))
    assert lines[0] == "one thread at a time; strategy pct (depth 2, steps 50) chose"
    assert lines[-1] == (
        "one such schedule shows a bug of depth 2 with a probability of at least 0.01 (2 threads, "
        "at most 50 choices)"
    )
    usual = facts(Schedule(Spec("pct")))[-1]
    assert "depth 3 with a probability of at least 5e-07 (2 threads, at most 1000 ch" in usual


def test_a_bound_that_does_not_hold_is_not_claimed() -> None:
    short = facts(Schedule(Spec("pct", {"depth": 2.0, "steps": 5.0})))[-1]
    assert short.startswith("no probability is guaranteed: the schedule is longer than the 5 steps")
    switched = Schedule(Spec("pct", {"depth": 2.0}), (Switch(0, GET, 1, A, 1),))
    for schedule in (switched, Schedule(Spec("walk"))):
        assert not any("probability" in line for line in facts(schedule))


def test_what_makes_the_next_run_differ_is_said() -> None:
    control = evolve(
        CONTROL, divergence=Divergence(7, "thread 1 at X", "thread 0 at Y\x1b"), revoked=2
    )
    assert facts(Schedule(), control)[-2:] == [
        "it left the schedule at choice 7: wanted was thread 1 at X, actual was thread 0 at Y\\x1b",
        "2 waits of a kind that is not modelled: the next run may go another way",
    ]
    assert "only the first 3 choices are known" in facts(
        Schedule(), evolve(CONTROL, steps=STEPS[:3])
    )
