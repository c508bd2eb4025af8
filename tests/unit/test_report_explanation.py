"""What happened, from literals: each kind of failure, and nothing claimed that was not seen."""

import pytest
from attrs import evolve

from stressor.model.evidence import (
    CallResult,
    CallStatus,
    Control,
    Crash,
    End,
    Ending,
    Event,
    Evidence,
    Frame,
    Loss,
    Raised,
    Step,
    Wait,
    Why,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Call, Plan, Schedule
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Trial
from stressor.report.explanation import explain
from stressor.report.history import Visited, calls_made, history

GET = "call:ext:PyList_GetItem+0x10"
SET = "call:ext:PyList_SetItem+0x20"
USE = "call:ext:PyObject_Repr+0x18"
READ, WRITE = "op:target:read", "op:target:write"
BOTH = (Phase.BEFORE, Phase.AFTER)
B, A = BOTH
SITES = {
    GET: Site(GET, Category.BORROWED_REF, BOTH, function="ext_read+0x8", source="ext.c:7"),
    SET: Site(SET, Category.CONTAINER, BOTH, function="ext_write+0x8", source="ext.c:17"),
    USE: Site(USE, Category.CONTAINER, BOTH, function="ext_read+0x9", source="ext.c:8"),
}
GET_WORDS = "PyList_GetItem in ext_read+0x8 (ext.c:7)"
SET_WORDS = "PyList_SetItem in ext_write+0x8 (ext.c:17)"
READER = (Frame("ext.cpython-313t.so", 0x10, "ext_read", "src/ext.c:7"),)
WRITER = (
    Frame("python3.13", 0x1, "_Py_Dealloc", "Objects/object.c:2"),
    Frame("python3.13", 0x2, "PyList_SetItem"),
    Frame("_shim.cpython-313t.so", 0x3, "wrap_PyList_SetItem"),
    Frame("ext.cpython-313t.so", 0x20, "ext_write", "src/ext.c:17"),
)
LIST = 0xAA0

type Path = list[tuple[int, str, Phase]]

# Thread 0 reads; between its loan and its use thread 1 makes a whole call that replaces the item.
STORY: Path = [
    (0, READ, B),
    (0, GET, B),
    (0, GET, A),
    (1, WRITE, B),
    (1, SET, B),
    (1, SET, A),
    (1, WRITE, A),
    (0, USE, B),
    (0, USE, A),
    (0, READ, A),
]


def events(path: Path, threads: int = 2) -> tuple[tuple[Event, ...], ...]:
    rings: list[list[Event]] = [[] for _ in range(threads)]
    for at, (thread, site, phase) in enumerate(path):
        obj = LIST if site in (GET, SET) else 0
        rings[thread].append(Event(thread, at, site, 1, phase, call=0, obj=obj))
    return tuple(map(tuple, rings))


def steps(path: Path) -> tuple[Step, ...]:
    following = [thread for thread, _, _ in path[1:]] + [path[-1][0]]
    return tuple(
        Step(thread, site, 1, phase, to, Why.VISIT, (0, 1), LIST if site in (GET, SET) else 0)
        for (thread, site, phase), to in zip(path, following, strict=True)
    )


def trial(kind: FailureKind, evidence: Evidence, where: str = "ext:ext_read") -> Trial:
    failure = Failure(Signature(kind, where), "summary", thread=0)
    plan = Plan("t.py", ((Call("read"),), (Call("write"),)), seed=1)
    return Trial(plan, evidence, Outcome(Verdict.FAILED, (failure,)))


RESULTS = (
    (CallResult("read", CallStatus.RETURNED, "read(key=3)"),),
    (CallResult("write", CallStatus.RETURNED, "write()"),),
)
SEEN = Evidence(Ending(End.EXITED), rounds=1, calls=RESULTS, events=events(STORY))
LOSS = Loss(GET, 0, 1, "str", 1, "passed to PyObject_Repr", READER, WRITER)
LENT, BROKE, USED = (
    Visited(0, GET, 1, A, LIST, 0),
    Visited(1, SET, 1, B, LIST, 0),
    Visited(0, USE, 1, B, 0, 0),
)


def test_a_lost_borrow_names_both_threads_and_both_events() -> None:
    told = explain(trial(FailureKind.BORROW, evolve(SEEN, losses=(LOSS,))), SITES)
    assert told.sentences == (
        "Thread 0 held a borrowed str from PyList_GetItem in ext_read (ext.c:7) while thread 1 "
        f"destroyed it by {SET_WORDS}.",
        "Then it was passed to PyObject_Repr: that was the last use.",
    )
    assert told.marks == {LENT: "borrowed here", BROKE: "broke it", USED: "last use"}


@pytest.mark.parametrize(
    ("used", "words"),
    [("counted", "it counted the reference"), ("returned", "it returned it")],
)
def test_how_a_lost_borrow_was_used(used: str, words: str) -> None:
    losses = (evolve(LOSS, used=None), evolve(LOSS, used=used))
    told = explain(trial(FailureKind.BORROW, evolve(SEEN, losses=losses)), SITES)
    assert told.sentences[1] == f"Then {words}: that was the last use."
    end = Visited(0, READ, 1, A, 0, 0)
    assert told.marks.get(end) == ("last use" if used == "returned" else None)


def test_who_only_merged_counts_is_not_said_to_have_done_it_anywhere() -> None:
    frames = (Frame("python3.13", 1, "_Py_brc_merge"), Frame("python3.13", 2, "_Py_HandlePending"))
    loss = evolve(LOSS, destroyer=-1, destroyer_frames=frames)
    told = explain(trial(FailureKind.BORROW, evolve(SEEN, losses=(loss,))), SITES)
    assert told.sentences[0].endswith("while a thread that is not the trial's destroyed it.")
    assert "broke it" not in told.marks.values()


CRASH = Crash(11, 0, 0, (Frame("python3.13", 9, "PyObject_Repr"), evolve(READER[0], offset=0x18)))
CRASHED = evolve(
    SEEN,
    ending=Ending(End.SIGNALLED, 11),
    calls=((CallResult("read", CallStatus.UNFINISHED, "read(key=3)"),), RESULTS[1]),
    crash=CRASH,
    events=events(STORY[:8]),
    complete=False,
)


def test_a_crash_after_a_call_has_ended_is_not_in_it() -> None:
    crash = evolve(CRASH, frames=(Frame("python3.13", 9, "_Py_DecRefShared"),))
    ended = evolve(CRASHED, calls=RESULTS, crash=crash, events=events(STORY))
    told = explain(trial(FailureKind.CRASH, ended, "outside operations"), SITES)
    assert told.sentences[0] == (
        "Thread 0 crashed outside its operations, after read(key=3), in _Py_DecRefShared."
    )


def test_a_crash_without_a_visit_says_what_its_place_says() -> None:
    unseen = evolve(CRASHED, events=())
    told = explain(trial(FailureKind.CRASH, unseen, "outside operations"), SITES)
    assert told.sentences[0].startswith("Thread 0 crashed outside its operations")


def test_a_crash_tells_where_the_thread_stood_before() -> None:
    told = explain(trial(FailureKind.CRASH, CRASHED), SITES)
    assert told.sentences == (
        "Thread 0 crashed in read(key=3) below PyObject_Repr in ext_read+0x9 (ext.c:8).",
        f"While it stood just after {GET_WORDS} (1st visit), thread 1 went on, seen at the begin of "
        "operation write and last seen at the end of operation write.",
    )
    assert told.marks == {LENT: "stood here", USED: "last use, crashed"}


def test_a_crash_with_an_object_that_another_thread_was_at_has_a_probable_cause() -> None:
    path = [*STORY[:2], *STORY[3:6]]
    evidence = evolve(
        CRASHED, events=events([*path, (0, GET, A)]), crash=evolve(CRASH, frames=READER)
    )
    told = explain(trial(FailureKind.CRASH, evidence), SITES)
    assert told.sentences[1] == (
        f"Before that, thread 1 was at {SET_WORDS} with the same object as thread 0 at "
        f"{GET_WORDS}: that probably broke it."
    )
    after = Visited(1, SET, 1, A, LIST, 0)
    assert told.marks == {after: "probably broke it", LENT: "last visit"}


def test_a_crash_whose_stack_tells_nothing_has_no_cause() -> None:
    told = explain(trial(FailureKind.CRASH, CRASHED, "op read"), SITES)
    assert len(told.sentences) == 1
    assert not told.marks
    nowhere = evolve(CRASHED, crash=evolve(CRASH, thread=-1))
    assert not explain(trial(FailureKind.CRASH, nowhere), SITES).sentences


@pytest.mark.parametrize("control", [None, Control(steps(STORY), len(STORY))])
def test_a_wrong_result_names_the_call_between_two_visits(control: Control | None) -> None:
    evidence = evolve(SEEN, control=control, events=() if control else SEEN.events)
    told = explain(trial(FailureKind.INVARIANT, evidence, "check"), SITES)
    assert told.sentences == (
        f"While thread 0 was in read(key=3), just after {GET_WORDS} (1st visit), thread 1 made the "
        "whole call write(): that probably changed what thread 0 went on with.",
    )
    assert told.marks == {
        LENT: "stood here",
        Visited(1, SET, 1, A, LIST, 0): "probably broke it",
    }


def test_calls_that_merely_overlapped_are_said_to_have_overlapped() -> None:
    path = [(0, READ, B), (1, WRITE, B), (0, READ, A), (1, WRITE, A)]
    evidence = evolve(SEEN, events=events(path))
    told = explain(trial(FailureKind.INVARIANT, evidence, "check"), SITES)
    assert told.sentences == (
        "read(key=3) of thread 0 and write() of thread 1 ran at the same time.",
    )
    serial = evolve(SEEN, events=events([path[0], path[2], path[1], path[3]]))
    assert not explain(trial(FailureKind.INVARIANT, serial, "check"), SITES).sentences


def test_an_exception_is_told_with_the_calls_that_overlapped_the_failing_one() -> None:
    raised = CallResult("read", CallStatus.RAISED, "read(key=3)", Raised("KeyError", "3"))
    path = [(0, READ, B), (1, WRITE, B), (2, WRITE, B), (0, READ, A), (1, WRITE, A), (2, WRITE, A)]
    calls = ((raised,), RESULTS[1], RESULTS[1])
    evidence = evolve(SEEN, calls=calls, events=events(path, 3))
    told = explain(trial(FailureKind.EXCEPTION, evidence), SITES)
    assert told.sentences == (
        "read(key=3) of thread 0 and write() of thread 2 ran at the same time.",
        "read(key=3) of thread 0 and write() of thread 1 ran at the same time.",
    )


def test_a_deadlock_says_who_waits_where() -> None:
    waits = (Wait(0, GET, 1, 1), Wait(1, SET, 2, 2))
    evidence = evolve(SEEN, ending=Ending(End.STUCK), control=Control(deadlock=waits))
    told = explain(trial(FailureKind.HANG, evidence), SITES)
    assert told.sentences == (
        f"Nobody can ever go on. There waits: thread 0 at {GET_WORDS} (1st visit); "
        f"thread 1 at {SET_WORDS} (2nd visit).",
    )
    without = evolve(evidence, control=None)
    assert not explain(trial(FailureKind.HANG, without), SITES).sentences


def test_nothing_is_known_of_an_empty_trial() -> None:
    bare = Evidence(Ending(End.SIGNALLED, 11), crash=Crash(11, 0, 3))
    for kind in FailureKind:
        told = explain(trial(kind, bare, "op read"), {})
        assert told.sentences == (("Thread 3 crashed.",) if kind is FailureKind.CRASH else ())


def test_steps_of_one_visit_are_one_visit() -> None:
    """A thread that waits in a visit is chosen anew there."""
    visit = Step(0, GET, 1, B, 0, Why.VISIT, (0, 1), LIST)
    waits = evolve(visit, to=1, why=Why.BLOCKED)
    path = (evolve(visit, site=READ, obj=0), visit, waits, Step(1, "", 0, B, 0, Why.ENDED, (0,)))
    evidence = Evidence(Ending(End.EXITED), control=Control(path, 4))
    assert [each.site for each in history(evidence)] == [READ, GET]
    [call] = calls_made(history(evidence))
    assert (call.thread, call.call, call.op) == (0, 0, "read")


def test_a_schedule_of_which_only_the_first_choices_are_known_is_no_history() -> None:
    evidence = evolve(SEEN, control=Control(steps(STORY)[:2], len(STORY)))
    assert len(history(evidence)) == len(STORY)


def test_the_plan_says_nothing_about_what_happened() -> None:
    seen = trial(FailureKind.BORROW, evolve(SEEN, losses=(LOSS,)))
    controlled = evolve(seen, plan=evolve(seen.plan, schedule=Schedule()))
    assert explain(seen, SITES) == explain(controlled, SITES)
