"""From evidence to an outcome: collects failures, folds consequences into causes, gives a verdict.

Decides what is not a pass: a fault of stressor's own is BROKEN whatever else was seen, and a trial
that ended early, exercised nothing or could not be set up is UNKNOWN. A failure that was seen is a
failure however the trial ended. A plan whose hold ran into its deadline did not get the order that
it asks for: without a failure that is DIVERGED. So is a controlled run that left its schedule.
"""

from collections.abc import Iterable

from attrs import evolve

from stressor.model.evidence import CallStatus, End, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Verdict
from stressor.model.plan import Action
from stressor.oracles.borrow import unused_losses
from stressor.oracles.crash import killed_from_outside
from stressor.oracles.messages import first_line
from stressor.oracles.registry import ALL, Oracle

# A lost borrow is answered with a substitute object: what the target then does wrong is its echo.
_ECHOES = (FailureKind.CRASH, FailureKind.EXCEPTION, FailureKind.INVARIANT)
_RANK = {kind: rank for rank, kind in enumerate(FailureKind)}

_EARLY_ENDS = {
    End.SLOW: "the trial did not end in time, and nothing proves that it hangs",
    End.MEMORY: "the trial went over its memory ceiling",
    End.LOST: "the process died together with its fork server",
}


def judge(evidence: Evidence, oracles: Iterable[Oracle] = ALL) -> Outcome:
    """Return the outcome of a trial, worst failure first."""
    if evidence.fault is not None:
        said = f"stressor's own fault: {first_line(evidence.fault)}"
        return Outcome(Verdict.BROKEN, undecided=(said,))
    found = [failure for oracle in oracles for failure in oracle.failures(evidence)]
    ranked = tuple(sorted(_without_echoes(found), key=_rank))
    reasons, notes = tuple(_reasons(evidence)), (*unused_losses(evidence), *_uncontrolled(evidence))
    if ranked:
        verdict = Verdict.FAILED
    elif reasons:
        verdict = Verdict.UNKNOWN
    elif astray := _astray(evidence):
        verdict, reasons = Verdict.DIVERGED, (astray,)
    else:
        verdict = Verdict.PASSED
    return Outcome(verdict, ranked, reasons + notes)


def _rank(failure: Failure) -> tuple[int, str]:
    return _RANK[failure.signature.kind], str(failure.signature)


def _without_echoes(found: list[Failure]) -> list[Failure]:
    echoes = [failure for failure in found if failure.signature.kind in _ECHOES]
    causes = [failure for failure in found if failure.signature.kind is FailureKind.BORROW]
    if not echoes or not causes:
        return found
    said = "\n".join(
        f"Consequence in the same trial: {echo.summary} ({echo.signature})" for echo in echoes
    )
    told = [evolve(cause, details=f"{cause.details}\n{said}") for cause in causes]
    others = [failure for failure in found if failure not in echoes and failure not in causes]
    return told + others


def _reasons(evidence: Evidence) -> Iterable[str]:
    """Why a trial without failures is not a pass."""
    if evidence.setup is not None:
        raised = evidence.setup
        yield f"setup raised {raised.type}: {first_line(raised.message)}"
        return
    early = _EARLY_ENDS.get(evidence.ending.end) or killed_from_outside(evidence)
    if early:
        yield early
    elif evidence.rounds == 0:
        yield "no round was carried out"
    elif idle := _idle(evidence):
        yield f"nothing was exercised: {idle}"


def _idle(evidence: Evidence) -> str:
    """Why nothing was exercised; empty when something was."""
    if evidence.control is not None and evidence.control.count == 0:
        return "no thread took a turn of the schedule"
    came_back = (CallStatus.RETURNED, CallStatus.RAISED_LEGAL)
    exercised = any(site.visits for site in evidence.sites) or any(
        call.status in came_back for calls in evidence.calls for call in calls
    )
    return "" if exercised else "no site was visited and no call returned"


def _astray(evidence: Evidence) -> str:
    """Where the order of the plan did not come about; empty when it did."""
    left = evidence.control.divergence if evidence.control is not None else None
    if left is not None:
        return f"step {left.step}: wanted {left.wanted}, got {left.actual}"
    return _expired(evidence)


def _uncontrolled(evidence: Evidence) -> Iterable[str]:
    """What makes a passed schedule hard to repeat, said with whatever the verdict is."""
    count = evidence.control.revoked if evidence.control is not None else 0
    if count:
        times = "once" if count == 1 else f"{count} times"
        yield (
            f"a thread kept the turn in something that is not modelled and lost it, {times}: the "
            "next run may go another way"
        )


def _expired(evidence: Evidence) -> str:
    for events in evidence.events:
        for event in events:
            if event.expired and event.action is Action.HOLD:
                return (
                    f"the plan's order did not come about: thread {event.thread} held at "
                    f"{event.site} (visit {event.visit}) until its deadline"
                )
    return ""
