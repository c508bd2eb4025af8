"""An operation raised what its harness does not declare as legal.

The signature is the exception's type and the function that raised it, not its message, which tends to
quote the data. A SystemError is the exception: the interpreter writes its message about a broken
invariant of its own, so that is kept, without numbers and quotes. An AssertionError is a wrong result
and the invariant oracle's.
"""

from stressor.model.evidence import CallResult, CallStatus, Evidence, Raised
from stressor.model.outcome import Failure, FailureKind, Signature
from stressor.oracles.messages import first_line, normalized

ASSERTION = "AssertionError"


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """One failure for each signature, told with its first exception."""
    found: dict[Signature, Failure] = {}
    for thread, calls in enumerate(evidence.calls):
        for call in calls:
            if call.status is not CallStatus.RAISED or is_assertion(call):
                continue
            failure = _failure(thread, call, call.raised or Raised("an exception", ""))
            found.setdefault(failure.signature, failure)
    return tuple(found.values())


def is_assertion(call: CallResult) -> bool:
    """Whether a call failed an assertion of its own."""
    return (
        call.status is CallStatus.RAISED
        and call.raised is not None
        and call.raised.type == ASSERTION
    )


def _failure(thread: int, call: CallResult, raised: Raised) -> Failure:
    detail = raised.type
    if raised.type == "SystemError" and raised.message:
        detail = f"SystemError: {normalized(raised.message)}"
    message = first_line(raised.message)
    return Failure(
        Signature(FailureKind.EXCEPTION, raised.where or f"op {call.op}", detail),
        summary=f"{call.shown or call.op} raised {raised.type}{message and ': ' + message}",
        thread=thread,
        details=raised.traceback,
    )
