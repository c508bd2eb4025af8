"""Double checks: a share of the controlled trials is carried out twice, and must go the same way.

Decides which trials and what counts as the same. What differs is nondeterminism that the turnstile
does not control (a clock that is not virtual, a thread of the target's own, an address in a hash);
exact replay is only as good as that is rare.
"""

from random import Random

from attrs import frozen

from stressor.model.evidence import End
from stressor.model.trial import Trial
from stressor.oracles.divergence import first_difference

_OWN_END = (End.EXITED, End.SIGNALLED)


@frozen
class DoubleCheck:
    """`share` of the controlled trials, 0 to 1, drawn from the campaign's seed."""

    share: float
    seed: int

    def wants(self, index: int, trial: Trial) -> bool:
        """Whether plan number `index`, which gave this trial, is to be carried out again.

        Not when the child was killed: where that happened is no choice of the schedule.
        """
        if trial.evidence.control is None or trial.evidence.ending.end not in _OWN_END:
            return False
        return Random(f"{self.seed}:{index}:twice").random() < self.share


def parting(one: Trial, other: Trial) -> str | None:
    """Where two runs of one plan went different ways, in words; None when they did not.

    Compared is their last round, which must be the same one.
    """
    first, second = one.evidence.control, other.evidence.control
    if first is None or second is None:
        return "one of the two never came to its schedule"
    if one.evidence.rounds != other.evidence.rounds:
        return f"ended after {one.evidence.rounds} rounds, and after {other.evidence.rounds}"
    difference = first_difference(first, second)
    if difference is None:
        return None
    return f"choice {difference.step}: {difference.wanted}; then: {difference.actual}"
