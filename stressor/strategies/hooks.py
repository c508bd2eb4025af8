"""Delays at the interpreter's supported hooks: object destruction and allocation.

Works on what has no slots of its own, such as modules linked into the interpreter. Destruction is
paused *before* it happens: whoever holds the object without a count goes on using it meanwhile.
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Rule
from stressor.model.site import Kind, Phase, Site
from stressor.strategies.delays import SHORT_SLEEPS_NS, SPINS_NS, log_uniform, pause
from stressor.strategies.pick import pick_windows
from stressor.strategies.targeted import long_pause


class Hooks:
    """Some known hook sites for long, or every hook for a short time."""

    name = "hooks"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """Named hook sites when some are known, then a weak rule for those that are not."""
        known = [site for site in sites if site.kind is Kind.HOOK]
        windows = pick_windows(rng, known, rng.choice((1, 2)))
        length = rng.choice((SPINS_NS, SHORT_SLEEPS_NS))
        everywhere = pause(
            *length, site="kind:hook", phase=Phase.BEFORE, chance=log_uniform(rng, 0.002, 0.05)
        )
        return (*(long_pause(rng, *window) for window in windows), everywhere)
