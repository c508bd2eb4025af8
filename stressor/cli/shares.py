"""How the seconds of one command are split between its targets.

Minimizing what a campaign found last goes on after its exploring is over, and that belongs to the
command's time too: so every target leaves up to half of its share for it. Many find nothing and use
none, so one that needs more may take half a share of those that follow, which divide what is left. Only
after the last target may minimizing go beyond the whole.
"""

from collections.abc import Sequence

from attrs import frozen

LEAST = 1 / 4
"""Of an equal share: what a target gets even when those before it used up too much."""


@frozen
class Share:
    """One target's: `seconds` for exploring, and `grace` for minimizing what was found last."""

    seconds: float
    grace: float


def share_of(total: float, targets: int, used: Sequence[float], most_grace: float) -> Share:
    """The share of the next target. `used` has the seconds that each of those before it took."""
    to_come = targets - len(used)
    mine = max((total - sum(used)) / to_come, LEAST * total / targets)
    if to_come == 1:
        return Share(mine, most_grace)
    return Share(mine - min(most_grace, mine / 2), min(most_grace, mine))
