"""Detaching where the real operation may itself detach: suspends the critical sections in force.

The strongest action of all, and only sound at sites that the catalogue flags (a decrement that may
run a destructor, a contended lock, a call that may run Python code): elsewhere it would create
behaviour that the program cannot show. It opens "protection lost across a call", which no sleep does.
Always before the call: after it nothing is left that would detach.
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Action, Rule
from stressor.model.site import Phase, Site
from stressor.strategies.delays import affordable, log_uniform
from stressor.strategies.pick import pick_windows, some_thread

# A detached thread holds nobody up, but the round still waits for it.
MOST_NS = 1_000_000
LEAST_NS = 1_000


class Detach:
    """One to three of the sites that may detach."""

    name = "detach"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """Nothing when no such site was reached yet."""
        able = [site for site in sites if site.may_detach and Phase.BEFORE in site.phases]
        windows = pick_windows(rng, able, rng.choices((1, 2, 3), weights=(3, 2, 1))[0])
        return tuple(
            Rule(
                Action.DETACH,
                site.key,
                Phase.BEFORE,
                some_thread(rng),
                chance=round(affordable(log_uniform(rng, 0.2, 1.0), site.visits), 4),
                least_ns=LEAST_NS,
                most_ns=int(log_uniform(rng, 10 * LEAST_NS, MOST_NS)),
            )
            for site, _ in windows
        )
