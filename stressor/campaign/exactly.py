"""From a controlled failure to the very schedule: recorded, run alone in a process, and seen to fail.

A batch's plan names a scheduler and many rounds; it fails again, since its seed decides, but says
nothing to a reader. Decides which recording is tried first; what one is, is `schedules.recorded`'s.
"""

from stressor.campaign.carryout import CarryOut
from stressor.model.outcome import FailureKind
from stressor.model.plan import Plan
from stressor.model.trial import Trial
from stressor.schedules.recorded import recorded, recordings


def exactly(trial: Trial, carry_out: CarryOut) -> Trial | None:
    """The same failure from its recorded schedule; None when there is none, or it does not fail so.

    A hang that the turnstile did not prove is not tried: each run of it takes seconds.
    """
    signature, control = trial.outcome.signature, trial.evidence.control
    if signature is None or control is None:
        return None
    if signature.kind is FailureKind.HANG and not control.deadlock:
        return None
    for form in recordings(trial):
        again = _again(form, trial, carry_out)
        if again is not None:
            return _again(recorded(again), trial, carry_out) or again
    return None


def _again(plan: Plan | None, wanted: Trial, carry_out: CarryOut) -> Trial | None:
    if plan is None:
        return None
    trial = carry_out(plan)
    return trial if trial.outcome.signature == wanted.outcome.signature else None
