"""Noise weighted by what a site is about: likely where other threads can do harm, rare elsewhere.

Decides one table of chances and ranges; one number drawn per plan scales all chances, so that some
plans are nearly still and some are loud.
"""

from collections.abc import Sequence
from random import Random

from stressor.model.plan import Rule
from stressor.model.site import Category, Phase, Site
from stressor.strategies.delays import log_uniform, pause

_US = 1_000

# (category, side, chance, least, most). Why a row is here:
_TABLE = (
    # A borrowed reference is unprotected from the return until it is counted.
    (Category.BORROWED_REF, Phase.AFTER, 0.30, 5 * _US, 300 * _US),
    # Before a drop that may free: whoever reads the object without a count gets time to be wrong.
    (Category.REFCOUNT, Phase.BEFORE, 0.10, 1 * _US, 100 * _US),
    # Freed late or reused soon: both sides of the allocator's work.
    (Category.MEMORY, Phase.BEFORE, 0.05, 1 * _US, 100 * _US),
    (Category.MEMORY, Phase.AFTER, 0.03, 1 * _US, 20 * _US),
    # Just before a section is entered state was checked without it; just after it is stale.
    (Category.CRITICAL_SECTION, Phase.BEFORE, 0.10, 1 * _US, 100 * _US),
    (Category.CRITICAL_SECTION, Phase.AFTER, 0.10, 1 * _US, 100 * _US),
    # Around detach and attach all critical sections are suspended.
    (Category.THREAD_STATE, Phase.BEFORE, 0.10, 5 * _US, 300 * _US),
    (Category.THREAD_STATE, Phase.AFTER, 0.10, 5 * _US, 300 * _US),
    (Category.LOCK, Phase.BEFORE, 0.10, 1 * _US, 100 * _US),
    (Category.LOCK, Phase.AFTER, 0.10, 1 * _US, 100 * _US),
    # Between "state stored" and "waiter woken"; a long pause here forces the lock's fair hand-off.
    (Category.BLOCK, Phase.BEFORE, 0.10, 20 * _US, 1_500 * _US),
    (Category.BLOCK, Phase.AFTER, 0.05, 1 * _US, 100 * _US),
    # Check-then-act is two container calls with a gap.
    (Category.CONTAINER, Phase.AFTER, 0.05, 1 * _US, 100 * _US),
    (Category.COLLECTOR, Phase.BEFORE, 0.05, 1 * _US, 100 * _US),
    (Category.OP, Phase.BEFORE, 0.20, 1 * _US, 50 * _US),
)


class Weighted:
    """One rule per category and side."""

    name = "weighted"

    def rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Rule, ...]:
        """The table, with all chances scaled by one draw from 0.2 to 3."""
        loudness = log_uniform(rng, 0.2, 3.0)
        return tuple(
            pause(
                least,
                most,
                site=f"category:{category.value}",
                phase=phase,
                chance=min(chance * loudness, 1.0),
            )
            for category, phase, chance, least, most in _TABLE
        )
