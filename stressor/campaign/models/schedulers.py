"""Who may schedule models: the native schedulers, as far as the shim can be loaded, and a plain walk.

The only place outside of a child that loads the shim. It does so by name, so that the layers stay
what they are for everything else: `stressor.mechanisms` is handed what it needs.
"""

import importlib
from functools import cache

from attrs import frozen

from stressor.errors import UsageError
from stressor.mechanisms.choosers import PLAIN_WALK, Strategy
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.registry import unknown

USUAL = "walk"


@frozen
class Schedulers:
    """The native strategies; none when the shim cannot be loaded, and then `missing` says why."""

    native: tuple[Strategy, ...]
    missing: str = ""

    @property
    def all(self) -> tuple[Strategy, ...]:
        """The native ones, else the plain walk."""
        return self.native or (PLAIN_WALK,)

    def named(self, name: str) -> Strategy:
        """The strategy of a name. Raises `UsageError`: the nearest names, or why it is not there."""
        known = {each.name: each for each in (*self.native, PLAIN_WALK)}
        if name in known:
            return known[name]
        why = f" ({self.missing})" if self.missing else ""
        raise UsageError(unknown("strategy", name, tuple(known)) + why)


@cache
def schedulers() -> Schedulers:
    """Load the shim for its schedulers."""
    try:
        binding = importlib.import_module("stressor.runtime.binding")
    except ImportError as error:
        return Schedulers((), f"no native schedulers, only {PLAIN_WALK.name}: {error}")
    return Schedulers(native_strategies(binding.schedulers(), binding.Scheduler))


def strategy_named(name: str) -> Strategy:
    """The strategy of a name, without loading the shim for the one that needs none."""
    return PLAIN_WALK if name == PLAIN_WALK.name else schedulers().named(name)
