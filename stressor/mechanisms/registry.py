"""The list of mechanisms, and models by name. A new mechanism is a file and a line in its group."""

from difflib import get_close_matches
from functools import partial

from stressor.errors import UsageError
from stressor.mechanisms import (
    collector,
    containers,
    interpreters,
    locks,
    reclaim,
    refcount,
    shutdown,
    threads,
)
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.running import Makes

MECHANISMS: tuple[type[Mechanism], ...] = (
    *refcount.MECHANISMS,
    *reclaim.MECHANISMS,
    *locks.MECHANISMS,
    *threads.MECHANISMS,
    *shutdown.MECHANISMS,
    *interpreters.MECHANISMS,
    *containers.MECHANISMS,
    *collector.MECHANISMS,
)

MOST_SIZE = 64

BY_NAME = {each.name: each for each in MECHANISMS}


def named(name: str) -> type[Mechanism]:
    """The mechanism of this name, upper case or lower. Raises `UsageError` with the nearest names."""
    try:
        return BY_NAME[name.lower()]
    except KeyError:
        raise UsageError(unknown("mechanism", name, tuple(BY_NAME))) from None


def maker(
    mechanism: type[Mechanism], defect: str = "", sizes: dict[str, int] | None = None
) -> Makes:
    """What makes fresh models of a mechanism, with one of its defects or none.

    Raises `UsageError` with the nearest names when there is no such defect or size.
    """
    if defect and defect not in mechanism.defects:
        raise UsageError(unknown(f"defect of {mechanism.name}", defect, tuple(mechanism.defects)))
    for name, number in (sizes or {}).items():
        if name not in mechanism.sizes:
            raise UsageError(unknown(f"size of {mechanism.name}", name, tuple(mechanism.sizes)))
        most = max(MOST_SIZE, mechanism.sizes[name])
        if not 0 <= number <= most:
            raise UsageError(f"{name} of {mechanism.name} must be 0 to {most}, not {number}.")
    return partial(mechanism, defect, **(sizes or {}))


def unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    """The message for a name that there is not: the nearest ones, or all."""
    lower = {each.lower(): each for each in known}
    near = [lower[each] for each in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(known) or 'none'}."
    )
    return f"no {what} is called {name!r}; {hint}"
