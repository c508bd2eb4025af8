"""What a user may decide about one campaign, as data. Defaults are the command line's defaults.

Leaves out what is built from it: hosts, corpus, progress. Nothing here is checked against the machine.
"""

from attrs import field, frozen

from stressor.model.plan import Allocator, Limits


@frozen
class Settings:
    """One target under one budget.

    `threads`, `calls` (per thread) and `rounds` are the largest that a plan may draw; `seconds` and
    `trials` end the campaign, whichever comes first; None is no limit. `strategies` are names, empty
    for all.
    """

    target: str
    seed: int
    modules: tuple[str, ...] = ()
    seconds: float | None = 60.0
    trials: int | None = None
    threads: int = 4
    calls: int = 100
    rounds: int = 1000
    strategies: tuple[str, ...] = ()
    allocators: tuple[Allocator, ...] = (Allocator.DEFAULT, Allocator.DEBUG)
    limits: Limits = field(factory=Limits)
