"""What a user may decide about one campaign, as data. Defaults are the command line's defaults.

Leaves out what is built from it: hosts, corpus, progress. Nothing here is checked against the machine.
"""

from collections.abc import Collection
from enum import Enum

from attrs import evolve, field, frozen

from stressor.model.monitors import LAW_NAMES, Monitor
from stressor.model.plan import Allocator, Limits, Plan
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
    strategies and schedulers, empty for all. `monitors` are switched on in every trial, and no others;
    empty for the ledger alone, in most of them. `double_check` is the part of the controlled trials, 0
    to 1, that is carried out twice. With `exhaustive` there are no other trials.
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
    monitors: tuple[Monitor, ...] = ()
    double_check: float = 0.0
    exhaustive: Exhaustive | None = None
    runtime: tuple[str, ...] = ()
    limits: Limits = field(factory=Limits)


def with_monitors(plan: Plan, monitors: Collection[Monitor]) -> Plan:
    """The plan with exactly these monitors."""
    names = {each.value for each in monitors}
    return evolve(
        plan,
        ledger=Monitor.BORROWED in monitors,
        monitors=tuple(each for each in LAW_NAMES if each in names),
    )
