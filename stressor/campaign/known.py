"""The sites known so far: what strategies choose from. Grows while the campaign goes on.

Decides only what is remembered of a site: how often it is visited in a round, as the largest mean of
all trials, so that the order in which jobs report does not matter.
"""

from collections.abc import Iterable
from threading import Lock

from attrs import evolve

from stressor.model.site import Site


class KnownSites:
    """Safe to use from all jobs at once."""

    def __init__(self, sites: Iterable[Site] = ()) -> None:
        self._lock = Lock()
        self._sites: dict[str, Site] = {}
        self._sorted: tuple[Site, ...] = ()
        self.add(sites)

    def add(self, sites: Iterable[Site], rounds: int = 1) -> int:
        """Learn from the sites that a trial visited in so many rounds; returns how many were new."""
        with self._lock:
            before = len(self._sites)
            for site in sites:
                if site.visits > 0:
                    self._merge(evolve(site, visits=-(-site.visits // max(rounds, 1)), acted=0))
            self._sorted = tuple(self._sites[key] for key in sorted(self._sites))
            return len(self._sites) - before

    def __len__(self) -> int:
        return len(self._sorted)

    def all(self) -> tuple[Site, ...]:
        """Sorted by key, as strategies want them."""
        return self._sorted

    def _merge(self, site: Site) -> None:
        old = self._sites.get(site.key, site)
        self._sites[site.key] = evolve(old, visits=max(old.visits, site.visits))
