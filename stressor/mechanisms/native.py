"""The native schedulers as strategies: the same choices as at native sites.

What makes a scheduler is handed in by whoever may load the shim (`stressor.runtime.binding`).
"""

from collections.abc import Callable, Sequence
from functools import cache

from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.running import Chooser

type MakesScheduler = Callable[[str, int, int, Sequence[int]], Chooser]
"""Name, seed, threads, numbers in the scheduler's order: as `stressor._shim.Scheduler`."""
type Registry = Sequence[tuple[str, Sequence[tuple[str, int]]]]
"""Names with their numbers and usual values: as `stressor._shim.schedulers`."""

DETERMINISTIC = frozenset({"first"})  # one schedule, whatever the seed: nothing to explore with
COUNTING = frozenset({"surw"})  # draws by how many steps each thread has left


def _counts_all(steps: Sequence[int]) -> bool:
    """Whether every thread was seen to take steps: one that was not has no weight to be drawn by."""
    return len(steps) > 0 and min(steps) > 0


def native_strategies(registry: Registry, makes: MakesScheduler) -> tuple[Strategy, ...]:
    """A strategy for each native scheduler that draws; numbers follow the length of a trial run."""

    def strategy(name: str, numbers: Sequence[tuple[str, int]]) -> Strategy:
        @cache  # the same for all runs of a model
        def given(steps: tuple[int, ...]) -> tuple[int, ...]:
            learnt = {"steps": max(sum(steps), 1)}
            learnt |= {f"count{thread}": count for thread, count in enumerate(steps)}
            return tuple(learnt.get(number, usual) for number, usual in numbers)

        def begin(seed: int, steps: Sequence[int]) -> Chooser:
            return makes(name, seed, len(steps), given(tuple(steps)))

        return Strategy(name, begin, _counts_all) if name in COUNTING else Strategy(name, begin)

    return tuple(strategy(name, numbers) for name, numbers in registry if name not in DETERMINISTIC)
