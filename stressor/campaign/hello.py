"""The first line of a fork server: what the target offers and what of it is instrumented."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from stressor.model.record import read_summary
from stressor.model.site import Site
from stressor.targets.harness import OperationInfo

REHEARSAL = "rehearsal.bin"  # the record of `stressor.runtime.rehearsal`


@frozen
class Coverage:
    """What of one module is instrumented: slots by category, or why there are none."""

    module: str
    path: str
    slots: dict[str, int]
    reason: str = ""


@frozen
class Hello:
    """A target that was loaded, instrumented, and works in one thread.

    `sites` are those that two calls of each operation reached. `own_modules` are paths of the
    target's own extension modules, whether they are instrumented or not. `loaded` are paths of all
    that was loaded by the end of those calls, the interpreter first; empty when that is not known.
    `rehearsal_seconds` is how long setup, those calls, check and teardown took in one thread.
    `redirected` counts the interpreter's own calls of each function that are sites, `not_redirected`
    says why there are none; both are empty when nobody asked for them.
    """

    interpreter: str
    randomized: bool
    stacks_signal: int
    operations: tuple[OperationInfo, ...]
    modules: tuple[Coverage, ...]
    own_modules: tuple[str, ...]
    sites: tuple[Site, ...] = ()
    rehearsal_seconds: float = 0.0
    loaded: tuple[str, ...] = ()
    redirected: dict[str, int] = field(factory=dict)
    not_redirected: dict[str, str] = field(factory=dict)


def read_hello(data: Mapping[str, Any], slot: Path) -> Hello:
    """Make sense of the line; raises `KeyError` or `TypeError` when it is none of ours."""
    rehearsal = read_summary(slot / REHEARSAL)
    return Hello(
        interpreter=data["interpreter"],
        randomized=data["randomized"],
        stacks_signal=data["stacks_signal"],
        operations=tuple(OperationInfo(**each) for each in data["operations"]),
        modules=tuple(Coverage(**each) for each in data["modules"]),
        own_modules=tuple(data["own_modules"]),
        sites=rehearsal.sites,
        rehearsal_seconds=float(data["rehearsal_seconds"]),
        loaded=rehearsal.modules,
        redirected=dict(data["redirected"]),
        not_redirected=dict(data["not_redirected"]),
    )
