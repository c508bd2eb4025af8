"""What a strategy is: a name, and rules made from a random generator and the sites known so far.

Decides nothing itself. Which strategy a plan gets is `campaign.portfolio`'s business; what a rule
does at a visit is the shim's (`native/src/policy.c`), which knows no strategy by name.
"""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from stressor.model.plan import Rule
from stressor.model.site import Site


class Strategy(Protocol):
    """A pure function with a name: same generator state and same sites, same rules."""

    @property
    def name(self) -> str:
        """What the command line and a plan's `Spec` call it."""

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """Make the rules of one plan.

        `sites` are sorted by key and may be empty; `Site.visits` is how often all threads together
        visit it in one round, at most. No rules means "nothing to act on here": the caller takes
        another strategy, unless no rules was what it asked for. Rules may name threads 0 and 1
        only, because every program has those.
        """
