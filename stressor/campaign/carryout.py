"""The door through which plans are carried out, and what happens when stressor itself breaks there.

A carry-out is called by one thread at a time. Where it leads, to a fork server or into a test's
arithmetic, nobody behind it knows.
"""

from collections.abc import Callable, Sequence

from stressor.errors import StressorError
from stressor.model.outcome import Verdict
from stressor.model.plan import Plan
from stressor.model.trial import Trial

type CarryOut = Callable[[Plan], Trial]


class BrokenError(StressorError):
    """A trial ended by a fault of stressor's own."""


def unbroken(carry_out: CarryOut) -> CarryOut:
    """Raise `BrokenError` where a trial was broken by stressor itself: nothing it says counts."""

    def run(plan: Plan) -> Trial:
        trial = carry_out(plan)
        if trial.outcome.verdict is Verdict.BROKEN:
            raise BrokenError(trial.evidence.fault or "a trial broke without saying why")
        return trial

    return run


def all_unbroken(jobs: Sequence[CarryOut]) -> tuple[CarryOut, ...]:
    """`unbroken` for each."""
    return tuple(map(unbroken, jobs))
