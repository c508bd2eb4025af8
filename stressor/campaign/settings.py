"""What a user may decide about one campaign, as data. Defaults are the command line's defaults.

Leaves out what is built from it: hosts, corpus, progress. Nothing here is checked against the machine.
"""

from enum import Enum

from attrs import field, frozen

from stressor.model.plan import Allocator, Limits
from stressor.schedules.bound import Bound


class Mode(Enum):
    """How the threads of a trial run: in parallel and delayed, or taking turns."""

    PERTURBED = "perturbed"
    CONTROLLED = "controlled"


@frozen
class Exhaustive:
    """Every schedule of one program after the other, within a bound.

    `sleeps`: those that differ only in the order of unrelated calls are left out (`schedules.sleep`).
    """

    bound: Bound
    sleeps: bool = False


@frozen
class Settings:
    """One target under one budget.

    `threads`, `calls` (per thread) and `rounds` are the largest that a plan may draw; `seconds` and
    `trials` end the campaign, whichever comes first; None is no limit. `strategies` are names of
    strategies and schedulers, empty for all. `double_check` is the part of the controlled trials, 0 to
    1, that is carried out twice. With `exhaustive` there are no other trials.
    """

    target: str
    seed: int
    modules: tuple[str, ...] = ()
    seconds: float | None = 60.0
    trials: int | None = None
    threads: int = 4
    calls: int = 100
    rounds: int = 1000
    modes: tuple[Mode, ...] = tuple(Mode)
    strategies: tuple[str, ...] = ()
    allocators: tuple[Allocator, ...] = (Allocator.DEFAULT, Allocator.DEBUG)
    double_check: float = 0.0
    exhaustive: Exhaustive | None = None
    runtime: tuple[str, ...] = ()
    limits: Limits = field(factory=Limits)
