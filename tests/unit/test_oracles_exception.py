"""Exceptions and wrong results of operations and of the check."""

import pytest

from stressor.model.evidence import CallResult, CallStatus, End, Ending, Evidence, Raised
from stressor.model.outcome import Failure, FailureKind, Signature, Verdict
from stressor.oracles import judge


def raised(kind: str, message: str = "", where: str = "target.py:push") -> CallResult:
    told = Raised(kind, message, where, f"Traceback ...\n{kind}: {message}")
    return CallResult("push", CallStatus.RAISED, "push(3)", told)


def failures(*calls: CallResult, check: Raised | None = None) -> tuple[Failure, ...]:
    outcome = judge(Evidence(Ending(End.EXITED), rounds=1, calls=(calls,), check=check))
    assert outcome.verdict is Verdict.FAILED
    return outcome.failures


def test_an_exception_is_its_type_and_the_function_that_raised_it() -> None:
    [failure] = failures(raised("KeyError", "'a'"))
    assert failure.signature == Signature(FailureKind.EXCEPTION, "target.py:push", "KeyError")
    assert failure.summary == "push(3) raised KeyError: 'a'"
    assert failure.thread == 0
    assert failure.details.startswith("Traceback")


def test_the_message_is_not_part_of_the_identity() -> None:
    one, other = raised("ValueError", "bad 17"), raised("ValueError", "bad [1, 2]")
    assert len(failures(one, other)) == 1


def test_every_signature_is_reported() -> None:
    found = failures(raised("ValueError"), raised("KeyError"), raised("KeyError", where="lib.py:g"))
    assert {str(failure.signature) for failure in found} == {
        "exception in target.py:push (ValueError)",
        "exception in target.py:push (KeyError)",
        "exception in lib.py:g (KeyError)",
    }


def test_a_system_error_keeps_what_the_interpreter_says() -> None:
    message = "<method 'pull' of 'Box' objects> returned NULL without setting an exception"
    [failure] = failures(raised("SystemError", message))
    assert failure.signature.detail == (
        "SystemError: <method '...' of '...' objects> returned NULL without setting an exception"
    )
    one = raised("SystemError", "Objects/dictobject.c:1123: bad argument")
    other = raised("SystemError", "Objects/dictobject.c:99: bad argument")
    assert len(failures(one, other)) == 1


def test_an_exception_of_no_known_place_is_put_on_the_operation() -> None:
    [failure] = failures(raised("KeyError", where=""))
    assert failure.signature.where == "op push"


def test_an_exception_that_was_not_told_in_full_still_counts() -> None:
    [failure] = failures(CallResult("push", CallStatus.RAISED))
    assert failure.signature == Signature(FailureKind.EXCEPTION, "op push", "an exception")


def test_a_legal_exception_is_no_failure() -> None:
    call = CallResult("push", CallStatus.RAISED_LEGAL, raised=Raised("KeyError", ""))
    outcome = judge(Evidence(Ending(End.EXITED), rounds=1, calls=((call,),)))
    assert outcome.verdict is Verdict.PASSED


def test_an_assertion_in_an_operation_is_a_wrong_result_of_it() -> None:
    one, other = raised("AssertionError", "['a', 'b']"), raised("AssertionError", "[]")
    [failure] = failures(one, other)
    assert failure.signature == Signature(FailureKind.INVARIANT, "op push")
    assert failure.summary == "push(3) gave a wrong result: ['a', 'b']"


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        ("AssertionError", "", "the check failed: 3 != 4"),
        ("IndexError", "IndexError", "the check raised IndexError: 3 != 4"),
        ("SystemError", "SystemError", "the check raised SystemError: 3 != 4"),
    ],
)
def test_anything_that_the_check_raises_is_a_failed_invariant(
    kind: str, detail: str, said: str
) -> None:
    [failure] = failures(check=Raised(kind, "3 != 4"))
    assert failure.signature == Signature(FailureKind.INVARIANT, "check", detail)
    assert failure.summary == said


def test_a_failed_check_is_where_it_failed_whatever_it_says() -> None:
    one, other, third = (
        failures(check=Raised("AssertionError", message, where))[0].signature
        for message, where in [
            ("3 != 4", "target.py:check"),
            ("7 != 9", "target.py:check"),
            ("3 != 4", "target.py:_sum"),
        ]
    )
    assert one == other == Signature(FailureKind.INVARIANT, "check of target.py:check")
    assert third.where == "check of target.py:_sum"
