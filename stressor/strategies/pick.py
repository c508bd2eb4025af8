"""Which sites deserve a turn: rare ones and promising ones more often than their visits suggest.

Decides weights only. A site in a hot loop gets visited whatever happens, a slow path perhaps once
in a hundred rounds; drawing by visits would never pause at the second.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import log2
from random import Random

from stressor.model.site import Category, Phase, Site

# The window after a borrowing call is the commonest bug of all; a free and a lost lock come next.
PROMISE = {
    Category.BORROWED_REF: 4.0,
    Category.REFCOUNT: 2.0,
    Category.MEMORY: 2.0,
    Category.CRITICAL_SECTION: 2.0,
    Category.THREAD_STATE: 2.0,
    Category.OP: 2.0,
}


def promise(site: Site) -> float:
    """Weight of a site: its category's promise, over the order of magnitude of its visits."""
    return PROMISE.get(site.category, 1.0) / (1.0 + log2(1 + site.visits))


def pick_windows(
    rng: Random,
    sites: Sequence[Site],
    count: int,
    weigh: Callable[[Site], float] = promise,
) -> list[tuple[Site, Phase]]:
    """Up to `count` different (site, phase) pairs, drawn by weight without putting back."""
    left = [site for site in sites if site.phases]
    windows: list[tuple[Site, Phase]] = []
    while left and len(windows) < count:
        site = rng.choices(left, cum_weights=list(accumulate(map(weigh, left))))[0]
        windows.append((site, side(rng, site)))
        left.remove(site)
    return windows


def side(rng: Random, site: Site) -> Phase:
    """Which side of the real operation; a borrowed reference is in danger only after the return."""
    if site.category is Category.BORROWED_REF and Phase.AFTER in site.phases:
        return Phase.AFTER
    return rng.choice(site.phases)


def some_thread(rng: Random) -> int | None:
    """One of the first two threads, or all: a race needs one late and the others on time."""
    return rng.choice((0, 0, 1, 1, None))
