"""Targeted noise: long delays at a few places, none elsewhere. Finds most races.

A race is a window of a few nanoseconds in one thread; noise everywhere moves both threads alike.
Pausing one thread long at one place, and nobody anywhere else, lets the others run through it
(Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS
2010, makes the same bet with priorities: most bugs need very few ordering constraints).
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Rule
from stressor.model.site import Phase, Site
from stressor.strategies.delays import LONG_SLEEPS_NS, affordable, log_uniform, pause
from stressor.strategies.pick import pick_windows, some_thread


class Targeted:
    """One to four (site, side) pairs, fewer preferred."""

    name = "targeted"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """Long pauses at the chosen windows, usually in one thread only."""
        count = rng.choices((1, 2, 3, 4), weights=(5, 3, 1, 1))[0]
        return tuple(long_pause(rng, *window) for window in pick_windows(rng, sites, count))


def long_pause(rng: Random, site: Site, phase: Phase) -> Rule:
    """Pause at one window. The length varies by at most four within a plan, so that it has a scale."""
    most = log_uniform(rng, 2 * LONG_SLEEPS_NS[0], LONG_SLEEPS_NS[1])
    return pause(
        max(int(most / 4), LONG_SLEEPS_NS[0]),
        int(most),
        site=site.key,
        phase=phase,
        thread=some_thread(rng),
        chance=affordable(log_uniform(rng, 0.2, 1.0), site.visits),
    )
