"""Uniform noise: every visit may be delayed, with a small chance, for a short time.

The baseline of the noise literature (Edelstein et al., "Framework for testing multi-threaded Java
programs", 2003). Knows nothing of the sites, so it also reaches those that nobody listed.
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Action, Rule
from stressor.model.site import Phase, Site
from stressor.strategies.delays import SHORT_SLEEPS_NS, SPINS_NS, log_uniform, pause


class Uniform:
    """Short spins before, yields or short sleeps after, everywhere."""

    name = "uniform"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """One rule for each side, so that neither hides the other (the first match wins)."""
        spin = pause(*SPINS_NS, phase=Phase.BEFORE, chance=log_uniform(rng, 0.02, 0.3))
        if rng.random() < 0.3:
            chance = round(log_uniform(rng, 0.05, 0.5), 4)
            return spin, Rule(Action.YIELD, phase=Phase.AFTER, chance=chance)
        sleep = pause(*SHORT_SLEEPS_NS, phase=Phase.AFTER, chance=log_uniform(rng, 0.005, 0.1))
        return spin, sleep
