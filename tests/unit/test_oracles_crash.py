"""Deaths of a process: which are the target's, where they are put, and what is said of them."""

import signal

import pytest
from attrs import evolve

from stressor.model.evidence import CallResult, CallStatus, Crash, End, Ending, Evidence, Frame
from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.oracles import judge

RUNNING = (
    (CallResult("pull", CallStatus.UNFINISHED),),
    (CallResult("push", CallStatus.UNFINISHED),),
)
HURT = (Frame("python3.13t", 1, "PyList_Append"), Frame("_csv.so", 2, "parse_save_field"))
LATE = (
    Frame("libc.so.6", 1, "_int_malloc"),
    Frame("libc.so.6", 2, "malloc"),
    Frame("_csv.so", 3, "parse_grow_buff"),
)
SEGFAULT = Evidence(
    Ending(End.SIGNALLED, signal.SIGSEGV),
    rounds=1,
    calls=RUNNING,
    crash=Crash(signal.SIGSEGV, 0xDD08, 1, HURT),
    complete=False,
)


def signature(evidence: Evidence) -> Signature:
    outcome = judge(evidence)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.signature is not None
    return outcome.signature


def test_a_crash_is_where_the_targets_code_was() -> None:
    [failure] = judge(SEGFAULT).failures
    assert failure.signature == Signature(FailureKind.CRASH, "_csv:parse_save_field")
    assert failure.summary == "segmentation fault in _csv:parse_save_field"
    assert failure.thread == 1
    assert failure.frames == HURT
    assert "0xdd08" in failure.details
    assert "pull, push" in failure.details


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT]
)
def test_the_signal_is_not_part_of_the_identity(number: int) -> None:
    crash = Crash(number, 0x7F00, 0, HURT)
    other = evolve(SEGFAULT, ending=Ending(End.SIGNALLED, number), crash=crash)
    assert signature(other) == signature(SEGFAULT)


def test_the_last_words_are_told_and_not_part_of_the_identity() -> None:
    words = "Fatal Python error: PyMutex_Unlock: unlocking mutex that is not locked\n"
    crash = Crash(signal.SIGABRT, 0, 1, (Frame("libc.so.6", 1, "abort"), *HURT))
    ending = Ending(End.SIGNALLED, signal.SIGABRT)
    aborted = evolve(SEGFAULT, ending=ending, crash=crash, stderr=words)
    [failure] = judge(aborted).failures
    assert failure.signature == signature(SEGFAULT)
    assert failure.summary.startswith("aborted: Fatal Python error: PyMutex_Unlock: unlocking")
    assert "unlocking mutex" in failure.details
    assert "address" not in failure.details


def test_damage_found_late_is_put_on_the_operation_of_the_thread() -> None:
    late = evolve(SEGFAULT, crash=Crash(signal.SIGSEGV, 0, 1, LATE))
    [failure] = judge(late).failures
    assert failure.signature == Signature(FailureKind.CRASH, "op push")
    assert "damaged before" in failure.details


def test_a_crash_between_operations_is_outside_of_them_and_not_in_the_other_threads() -> None:
    calls = (
        (CallResult("pull", CallStatus.UNFINISHED),),
        (CallResult("get", CallStatus.RETURNED),),
    )
    frames = (Frame("python3.13t", 1, "_Py_DecRefShared"),)
    crash = Crash(signal.SIGSEGV, 0, 1, frames)
    [failure] = judge(evolve(SEGFAULT, calls=calls, crash=crash)).failures
    assert str(failure.signature) == "crash outside operations"
    assert failure.summary == "segmentation fault outside operations (in _Py_DecRefShared)"
    assert "Operations in progress of other threads: pull." in failure.details


def test_a_heap_check_of_the_allocating_side_is_late_even_with_a_telling_stack() -> None:
    checked = evolve(SEGFAULT, stderr="malloc(): corrupted top size\n")
    assert signature(checked).where == "op push"
    freed = evolve(SEGFAULT, stderr="free(): double free detected in tcache 2\n")
    assert signature(freed).where == "_csv:parse_save_field"


def test_a_crash_of_a_thread_that_is_not_the_trials_is_put_on_all_operations() -> None:
    strange = evolve(SEGFAULT, crash=Crash(signal.SIGSEGV, 0, -1, ()))
    [failure] = judge(strange).failures
    assert failure.signature.where == "op pull, push"
    assert failure.thread is None


def test_a_crash_without_a_record_is_still_one() -> None:
    assert signature(evolve(SEGFAULT, crash=None)).where == "op pull, push"


def test_a_handler_that_got_stuck_after_a_crash_is_a_crash_and_no_hang() -> None:
    stuck = evolve(SEGFAULT, ending=Ending(End.STUCK))
    [failure] = judge(stuck).failures
    assert failure.signature == signature(SEGFAULT)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "memory runs out"),
        (signal.SIGTERM, "signal 15"),
        (signal.SIGINT, "signal 2"),
    ],
)
def test_being_killed_from_outside_says_nothing_about_the_target(number: int, said: str) -> None:
    killed = Evidence(Ending(End.SIGNALLED, number), rounds=1, calls=RUNNING, complete=False)
    outcome = judge(killed)
    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.undecided[0]


@pytest.mark.parametrize("code", [0, 3])
def test_leaving_in_the_middle_is_a_failure(code: int) -> None:
    left = Evidence(Ending(End.EXITED, code), rounds=1, calls=RUNNING, complete=False)
    assert signature(left) == Signature(FailureKind.CRASH, "op pull, push", f"exit code {code}")


def test_an_exit_code_after_a_complete_result_is_a_failure_too() -> None:
    late = Evidence(
        Ending(End.EXITED, 1), rounds=1, calls=((CallResult("a", CallStatus.RETURNED),),)
    )
    assert signature(late) == Signature(FailureKind.CRASH, "outside operations", "exit code 1")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGALRM, "alarm"),
        (signal.SIGPIPE, "broken pipe"),
        (signal.SIGXCPU, "processor time"),
        (signal.SIGXFSZ, "file size"),
    ],
)
def test_a_signal_that_nobody_outside_sends_is_a_crash(number: int, said: str) -> None:
    ended = Evidence(Ending(End.SIGNALLED, number), rounds=1, calls=RUNNING, complete=False)
    [failure] = judge(ended).failures
    assert failure.signature == Signature(FailureKind.CRASH, "op pull, push")
    assert said in failure.summary


def test_the_innermost_function_is_named_when_no_place_is_known() -> None:
    lost = (
        Frame("libc.so.6", 1, "abort"),
        Frame("python3.13t", 1, "PyObject_Repr"),
        Frame("python3.13t", 2, "PyObject_Str"),
    )
    crash = Crash(signal.SIGSEGV, 0, 1, lost)
    [failure] = judge(evolve(SEGFAULT, crash=crash)).failures
    assert failure.signature == Signature(FailureKind.CRASH, "op push")
    assert failure.summary == "segmentation fault in op push (in PyObject_Repr)"
