"""The wait-for graph of a deadlock: what is sure, what is probable, and what nobody can have seen."""

from attrs import evolve

from stressor.model.evidence import Control, Crash, End, Ending, Evidence
from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.model.site import Category, Site
from stressor.oracles import judge
from stressor.oracles.deadlock import wait_for_graph
from tests.unit.test_oracles_hang import in_extension, stuck, worker
from tests.unit.turns import Round

LEFT, RIGHT = 0x1000, 0x2000
SEMAPHORE = 0x7FFF0000
LOCK = "block:ext:pthread_mutex_lock+0x10"
UNLOCK = "block:ext:pthread_mutex_unlock+0x20"
PARK = "block:python:sem_wait+0x30"
POST = "block:python:sem_post+0x40"
MUTEX = "call:ext:PyMutex_Lock+0x50"
BEGIN, END = "call:ext:PyCriticalSection_Begin+0x60", "call:ext:PyCriticalSection_End+0x70"
LOCK_API = "call:ext:PyThread_acquire_lock+0x80"
SAVE, RESTORE = "call:ext:PyEval_SaveThread+0x90", "call:ext:PyEval_RestoreThread+0xa0"
WAIT = "block:ext:pthread_cond_wait+0xb0"
TRY = "block:python:sem_trywait+0xc0"
CALL = "call:ext:PyObject_CallOneArg+0xd0"


def graph(control: Control) -> list[str]:
    return wait_for_graph(Evidence(Ending(End.STUCK), rounds=1, control=control))


def inverted() -> Round:
    """Two locks in two orders."""
    turns = Round().calls(0, LOCK, LEFT).calls(1, LOCK, RIGHT)
    return turns.blocks(0, LOCK, RIGHT).blocks(1, LOCK, LEFT)


def test_locks_in_two_orders_are_a_circle() -> None:
    assert graph(inverted().deadlock(0, 1)) == [
        f"Thread 0 waits at {LOCK} (visit 2) for 0x2000: thread 1 holds it since {LOCK} (visit 1).",
        f"Thread 1 waits at {LOCK} (visit 2) for 0x1000: thread 0 holds it since {LOCK} (visit 1).",
        "A circle of waits: thread 0 -> thread 1 -> thread 0.",
    ]


def test_functions_stand_for_sites_where_they_are_known() -> None:
    site = Site(LOCK, Category.BLOCK, (), function="transfer+0x1c", source="bank.c:61")
    evidence = Evidence(Ending(End.STUCK), control=inverted().deadlock(0, 1), sites=(site,))
    assert wait_for_graph(evidence)[0] == (
        "Thread 0 waits at pthread_mutex_lock in transfer+0x1c (visit 2, bank.c:61) for 0x2000: "
        "thread 1 holds it since pthread_mutex_lock in transfer+0x1c (visit 1, bank.c:61)."
    )


def test_a_lock_that_was_given_back_is_not_held() -> None:
    turns = Round().calls(1, LOCK, LEFT).calls(1, UNLOCK, LEFT).calls(1, LOCK, RIGHT)
    [line] = graph(turns.blocks(0, LOCK, RIGHT).deadlock(0))
    assert f"thread 1 holds it since {LOCK} (visit 2)" in line
    [line] = graph(turns.blocks(0, LOCK, LEFT).deadlock(0))
    assert line.endswith("for 0x1000: nobody was seen to take it.")


def test_who_has_ended_keeps_its_lock_for_ever() -> None:
    turns = Round().calls(1, LOCK, LEFT).ends(1).blocks(0, LOCK, LEFT)
    [line] = graph(turns.deadlock(0))
    assert "thread 1, which has ended, holds it since" in line


def test_a_thread_can_wait_for_itself() -> None:
    turns = Round().calls(0, LOCK, LEFT).blocks(0, LOCK, LEFT)
    line, circle = graph(turns.deadlock(0))
    assert ": it itself holds it since" in line
    assert circle == "A circle of waits: thread 0 -> thread 0."


def test_a_recursive_lock_is_held_until_it_is_given_back_as_often() -> None:
    turns = Round().calls(1, LOCK, LEFT).calls(1, LOCK, LEFT).calls(1, UNLOCK, LEFT)
    [line] = graph(turns.blocks(0, LOCK, LEFT).deadlock(0))
    assert f"thread 1 holds it since {LOCK} (visit 1)" in line


def test_the_lock_and_not_its_semaphore_is_what_is_waited_for() -> None:
    turns = Round().before(0, MUTEX, LEFT).blocks(0, PARK, SEMAPHORE)
    [line] = graph(turns.deadlock(0))
    assert line.startswith(f"Thread 0 waits at {MUTEX} (visit 1) for 0x1000: ")


def test_a_lock_of_python_code_below_an_open_call_is_waited_for_itself() -> None:
    turns = Round().calls(1, TRY, LEFT).before(0, CALL).blocks(0, PARK, LEFT)
    [line] = graph(turns.deadlock(0))
    lock = "a lock of Python code or of the interpreter"
    assert line.startswith(f"Thread 0 waits at {PARK} (visit 1) for {lock}: ")
    assert f"thread 1 probably holds it since {TRY}" in line


def test_a_call_that_ended_is_not_waited_for() -> None:
    turns = Round().before(0, MUTEX, LEFT).calls(0, PARK, SEMAPHORE).after(0, MUTEX, LEFT)
    [line] = graph(turns.blocks(0, LOCK, RIGHT).deadlock(0))
    assert line.startswith(f"Thread 0 waits at {LOCK}")


def test_an_inlined_lock_leaves_nobody_but_the_other_one() -> None:
    turns = Round().before(0, MUTEX, LEFT).blocks(0, PARK, SEMAPHORE)
    turns.before(1, MUTEX, RIGHT).blocks(1, PARK, SEMAPHORE + 8)
    first, second, circle = graph(turns.deadlock(0, 1))
    assert first.endswith("it was taken unseen, as a free one is, probably by thread 1.")
    assert second.endswith("it was taken unseen, as a free one is, probably by thread 0.")
    assert circle == "A circle of waits: thread 0 -> thread 1 -> thread 0."


def test_of_three_inlined_locks_any_other_thread_may_have_each() -> None:
    turns = Round()
    for thread in range(3):
        turns.before(thread, MUTEX, LEFT + thread).blocks(thread, PARK, SEMAPHORE + thread)
    lines = graph(turns.deadlock(0, 1, 2))
    assert [line.rpartition(", ")[2] for line in lines] == [
        "probably by thread 1 or 2.",
        "probably by thread 0 or 2.",
        "probably by thread 0 or 1.",
    ]


def test_two_that_wait_for_one_inlined_lock_do_not_tell_who_has_it() -> None:
    turns = Round().before(0, MUTEX, LEFT).blocks(0, PARK, SEMAPHORE)
    turns.before(1, MUTEX, LEFT).blocks(1, PARK, SEMAPHORE + 8)
    lines = graph(turns.deadlock(0, 1))
    assert len(lines) == 2
    assert all(line.endswith("taken unseen, as a free one is.") for line in lines)


def test_a_mutex_that_was_waited_for_is_probably_still_held() -> None:
    turns = Round().before(1, MUTEX, LEFT).calls(1, PARK, SEMAPHORE).after(1, MUTEX, LEFT)
    turns.before(0, MUTEX, LEFT).blocks(0, PARK, SEMAPHORE + 8)
    [line] = graph(turns.deadlock(0))
    assert f"thread 1 probably holds it since {MUTEX} (visit 1)" in line


def test_sections_nest_and_an_end_closes_the_innermost() -> None:
    turns = Round().calls(1, BEGIN, LEFT).calls(1, BEGIN, RIGHT).calls(1, END, 0x3333)
    turns.blocks(1, LOCK, 0x4444)
    turns.before(0, BEGIN, LEFT).blocks(0, PARK, SEMAPHORE)
    lines = graph(turns.deadlock(0, 1))
    assert f"thread 1 holds it since {BEGIN} (visit 1)" in lines[0]
    turns = turns.before(0, BEGIN, RIGHT).blocks(0, PARK, SEMAPHORE)
    assert "thread 1 holds" not in graph(turns.deadlock(0, 1))[0]


def test_a_thread_that_waits_detached_holds_no_section() -> None:
    turns = Round().calls(1, BEGIN, LEFT).before(1, MUTEX, RIGHT).blocks(1, PARK, SEMAPHORE)
    turns.before(0, BEGIN, LEFT).blocks(0, PARK, SEMAPHORE + 8)
    assert "thread 1 holds" not in graph(turns.deadlock(0, 1))[0]
    turns = Round().calls(1, BEGIN, LEFT).calls(1, SAVE).blocks(1, LOCK, RIGHT)
    turns.before(0, BEGIN, LEFT).blocks(0, PARK, SEMAPHORE + 8)
    assert "thread 1 holds" not in graph(turns.deadlock(0, 1))[0]


def test_a_thread_that_waits_attached_keeps_its_sections() -> None:
    turns = Round().calls(1, SAVE).calls(1, RESTORE).calls(1, BEGIN, LEFT)
    turns.before(1, LOCK_API, RIGHT).blocks(1, PARK, RIGHT)
    turns.before(0, BEGIN, LEFT).blocks(0, PARK, SEMAPHORE + 8)
    assert "thread 1 holds it since" in graph(turns.deadlock(0, 1))[0]


def test_a_section_and_its_slow_path_name_one_lock() -> None:
    slow = "call:ext:_PyCriticalSection_BeginSlow+0xe0"
    turns = Round().calls(1, BEGIN, LEFT).blocks(1, LOCK, RIGHT)
    turns.before(0, slow, LEFT + 10).blocks(0, PARK, SEMAPHORE)
    assert "thread 1 holds it since" in graph(turns.deadlock(0, 1))[0]


def test_a_condition_gives_its_lock_back_while_it_is_waited_for() -> None:
    turns = Round().calls(1, LOCK, LEFT).blocks(1, WAIT, 0xC0)
    first, second = graph(turns.blocks(0, LOCK, LEFT).deadlock(0, 1))
    assert first.endswith("nobody was seen to take it.")
    assert second == f"Thread 1 waits at {WAIT} (visit 1)."
    turns = Round().calls(1, LOCK, LEFT).calls(1, WAIT, 0xC0).blocks(1, LOCK, RIGHT)
    first, _ = graph(turns.blocks(0, LOCK, LEFT).deadlock(0, 1))
    assert f"thread 1 holds it since {LOCK} (visit 1)" in first


def test_a_semaphore_that_is_posted_first_belongs_to_nobody() -> None:
    turns = Round().before(0, PARK, SEMAPHORE).calls(1, POST, SEMAPHORE).after(0, PARK, SEMAPHORE)
    [line] = graph(turns.blocks(0, PARK, SEMAPHORE).deadlock(0))
    assert line.endswith("it was taken unseen, as a free one is.")


def test_a_lock_can_be_given_back_by_another_thread() -> None:
    turns = Round().calls(1, TRY, LEFT).calls(0, POST, LEFT).calls(0, TRY, LEFT)
    [line] = graph(turns.blocks(1, PARK, LEFT).deadlock(1))
    assert "thread 0 probably holds it" in line


def test_a_wait_that_expired_took_nothing() -> None:
    timed = "block:python:sem_clockwait+0xf0"
    turns = Round().before(0, timed, LEFT).expires(0).after(0, timed, LEFT)
    [line] = graph(turns.blocks(1, PARK, LEFT).deadlock(1))
    assert line.endswith("it was taken unseen, as a free one is.")


def test_without_all_choices_nobody_is_accused() -> None:
    control = evolve(inverted().deadlock(0, 1), count=70_000)
    first, second, why = graph(control)
    assert first == f"Thread 0 waits at {LOCK} (visit 2)."
    assert second == f"Thread 1 waits at {LOCK} (visit 2)."
    assert why.startswith("The record holds only the first 8 of 70000 choices")


def test_a_deadlock_has_the_identity_of_the_same_hang_seen_from_outside() -> None:
    hang = stuck(
        worker(2, "push", in_extension("lock_left")), worker(3, "pull", in_extension("lock_right"))
    )
    outcome = judge(evolve(hang, control=inverted().deadlock(0, 1)))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.signature == judge(hang).signature
    assert outcome.signature == Signature(FailureKind.HANG, "ext:lock_left + ext:lock_right")
    [failure] = outcome.failures
    assert failure.summary.startswith("deadlock: 2 threads wait and none goes on")
    assert "A circle of waits: thread 0 -> thread 1 -> thread 0." in failure.details
    assert "1 thread in ext:lock_left (ext.c:9)." in failure.details


def test_a_deadlock_is_a_failure_however_the_child_ended() -> None:
    for end in (End.LOST, End.MEMORY, End.SLOW):
        lost = Evidence(Ending(end), rounds=1, complete=False, control=inverted().deadlock(0, 1))
        outcome = judge(lost)
        assert outcome.verdict is Verdict.FAILED
        assert [failure.signature.kind for failure in outcome.failures] == [FailureKind.HANG]


def test_a_crash_in_a_deadlock_is_a_crash() -> None:
    control = inverted().deadlock(0, 1)
    crashed = Evidence(Ending(End.SIGNALLED, 11), control=control, crash=Crash(11, 0, 0))
    assert [f.signature.kind for f in judge(crashed).failures] == [FailureKind.CRASH]


def test_turns_without_a_deadlock_have_no_graph() -> None:
    assert graph(Control(count=5)) == []
    assert wait_for_graph(Evidence(Ending(End.STUCK))) == []
