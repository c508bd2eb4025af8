"""Hangs: all places that wait, none of stressor's own, the same for the two threads in any order."""

import pytest
from attrs import evolve

from stressor.model.evidence import CallResult, CallStatus, End, Ending, Evidence
from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.oracles import judge

WORKER = """\
Traceback for thread {number} (python) [] (most recent call last):
    (C) File "./nptl/pthread_create.c", line 442, in start_thread (/lib/libc.so.6)
    (Python) File "/lib/python3.13t/threading.py", line 995, in run
    (Python) File "/app/stressor/runtime/workers.py", line 50, in work
    (Python) File "/home/me/target.py", line 5, in {op}
{native}
    (C) File "Python/lock.c", line 90, in _PyMutex_LockTimed (/usr/bin/python3.13t)
    (C) File "Python/parking_lot.c", line 300, in _PyParkingLot_Park (/usr/bin/python3.13t)
    (C) File "./nptl/sem_waitcommon.c", line 1, in __new_sem_wait_slow64.constprop.0 (/lib/libc.so.6)
"""
MAIN = """\
Traceback for thread 1 (python) [] (most recent call last):
    (Python) File "/app/stressor/runtime/trial.py", line 14, in run
    (Python) File "/lib/python3.13t/threading.py", line 1095, in join
    (C) File "Python/lock.c", line 301, in PyEvent_WaitTimed (/usr/bin/python3.13t)
"""


def worker(number: int, op: str, native: str = "") -> str:
    return WORKER.format(number=number, op=op, native=native)


def in_extension(function: str) -> str:
    return f'    (C) File "ext.c", line 9, in {function} (/site/ext.so)'


def stuck(*stacks: str) -> Evidence:
    running = (
        CallResult("push", CallStatus.UNFINISHED),
        CallResult("pull", CallStatus.NOT_STARTED),
    )
    return Evidence(
        Ending(End.STUCK), rounds=1, calls=(running, running), stacks="\n".join((*stacks, MAIN))
    )


def signature(evidence: Evidence) -> Signature:
    outcome = judge(evidence)
    assert outcome.verdict is Verdict.FAILED
    [failure] = outcome.failures
    return failure.signature


def test_a_deadlock_is_made_of_all_its_places_in_any_order() -> None:
    one = worker(2, "push", in_extension("lock_left"))
    other = worker(3, "pull", in_extension("lock_right"))
    expected = Signature(FailureKind.HANG, "ext:lock_left + ext:lock_right")
    assert signature(stuck(one, other)) == signature(stuck(other, one)) == expected


def test_without_native_code_of_the_target_its_python_code_tells() -> None:
    assert signature(stuck(worker(2, "push"), worker(3, "push"))).where == "target.py:push"


def test_code_linked_into_the_interpreter_tells_before_python_code() -> None:
    native = '    (C) File "m.c", line 9, in deque_extend (/usr/bin/python3.13t)'
    assert signature(stuck(worker(2, "push", native))).where == "python:deque_extend"


def test_a_hanging_check_is_told_by_the_main_thread() -> None:
    check = MAIN.replace("runtime/trial.py", "runtime/trial.py", 1).replace(
        '    (Python) File "/lib/python3.13t/threading.py", line 1095, in join',
        '    (Python) File "/home/me/target.py", line 30, in check',
    )
    assert signature(evolve(stuck(), stacks=check)).where == "target.py:check"


@pytest.mark.parametrize("stacks", ["", "cannot attach: not permitted", MAIN])
def test_without_telling_stacks_the_operations_stand_for_the_places(stacks: str) -> None:
    assert signature(evolve(stuck(), stacks=stacks)).where == "op push"


def test_a_busy_hang_has_the_same_identity_and_another_wording() -> None:
    waiting = stuck(worker(2, "push"))
    busy = evolve(waiting, ending=Ending(End.SPINNING))
    assert signature(busy) == signature(waiting)
    assert "wait" in judge(waiting).failures[0].summary
    assert "none makes progress" in judge(busy).failures[0].summary


def test_details_count_the_threads_and_name_the_operations() -> None:
    [failure] = judge(stuck(worker(2, "push"), worker(3, "push"))).failures
    assert failure.summary == "2 threads wait and none goes on in target.py:push"
    assert "2 threads in target.py:push." in failure.details
    assert "Operations in progress: push." in failure.details


def test_details_have_the_source_line_of_native_places() -> None:
    [failure] = judge(stuck(worker(2, "push", in_extension("take")))).failures
    assert "1 thread in ext:take (ext.c:9)." in failure.details


def test_slowness_is_no_hang() -> None:
    outcome = judge(evolve(stuck(), ending=Ending(End.SLOW)))
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.failures == ()


def test_a_loop_outside_of_operations_hints_at_damage() -> None:
    spinning = Evidence(Ending(End.SPINNING), rounds=1, complete=False)
    [failure] = judge(spinning).failures
    assert failure.signature.where == "outside operations"
    assert "the stacks tell where it loops" in failure.details
    [waiting] = judge(evolve(spinning, ending=Ending(End.STUCK))).failures
    assert "damaged" not in waiting.details
