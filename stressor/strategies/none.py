"""No injection at all: plain stress, the yardstick, and still the best at some hot races."""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Rule
from stressor.model.site import Site


class Plain:
    """Leaves every visit alone."""

    name = "none"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """No rules, on purpose."""
        return ()
