"""Small random offsets at the start of operations: lines up short windows of code without sites.

Code that makes no catalogued call (inlined counts, plain loads and stores) can only be reached by
starting two operations at the right distance; the offset has to be as fine as the window.
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Action, Rule
from stressor.model.site import Phase, Site
from stressor.strategies.delays import log_uniform

LEAST_NS = 50
MOST_NS = 50_000


class Edges:
    """Spins, because a sleep cannot end within 50 us; this is why it may spin longer than others."""

    name = "edges"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """One rule for each of the first two threads with an own range, one for the rest."""
        return tuple(_offset(rng, thread) for thread in (0, 1, None))


def _offset(rng: Random, thread: int | None) -> Rule:
    return Rule(
        Action.SPIN,
        "kind:op",
        Phase.BEFORE,
        thread,
        chance=round(rng.uniform(0.3, 1.0), 4),
        least_ns=LEAST_NS,
        most_ns=int(log_uniform(rng, 10 * LEAST_NS, MOST_NS)),
    )
