"""A wrong result: an assertion in an operation, or anything that `check` raised.

In an operation the signature is the operation: its assertions speak about its own result. Of the
check it is the function that raised, "check of target.py:check". A check that raises anything but an
AssertionError failed as well, since the state could not even be looked at; the type tells the two apart.
"""

from stressor.model.evidence import CallResult, Evidence, Raised
from stressor.model.outcome import Failure, FailureKind, Signature
from stressor.oracles.exception import ASSERTION, is_assertion
from stressor.oracles.messages import first_line


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """One failure for each operation with a failed assertion, and one for the check."""
    found: dict[Signature, Failure] = {}
    for thread, calls in enumerate(evidence.calls):
        for call in calls:
            if is_assertion(call):
                failure = _in_operation(thread, call, call.raised)
                found.setdefault(failure.signature, failure)
    if evidence.check is not None:
        failure = _in_check(evidence.check)
        found[failure.signature] = failure
    return tuple(found.values())


def _in_operation(thread: int, call: CallResult, raised: Raised | None) -> Failure:
    message = first_line(raised.message) if raised else ""
    return Failure(
        Signature(FailureKind.INVARIANT, f"op {call.op}"),
        summary=f"{call.shown or call.op} gave a wrong result{message and ': ' + message}",
        thread=thread,
        details=raised.traceback if raised else "",
    )


def _place(raised: Raised) -> str:
    """Where the check failed: it may call functions of its harness, each of which is another bug.

    The message is left out, as that of exceptions: it quotes the data.
    """
    return f"check of {raised.where}" if raised.where else "check"


def _in_check(raised: Raised) -> Failure:
    message = first_line(raised.message)
    expected = raised.type == ASSERTION
    said = "the check failed" if expected else f"the check raised {raised.type}"
    return Failure(
        Signature(FailureKind.INVARIANT, _place(raised), "" if expected else raised.type),
        summary=f"{said}{message and ': ' + message}",
        details=raised.traceback,
    )
