"""How fast models are explored: steps per second in random mode, states per second in exhaustive mode.

    python benchmarks/bench_models.py

Processor time of one core, imports and the rehearsal of each model left out. Each row of random mode is
measured twice: as models are explored (`walking`: what a step does is looked up when it is known), and
with the model itself run at every step, as larger ones are. Exhaustive searches are of sizes larger
than the usual ones, so that what a search costs at its start does not count. The last table is what the
reduction leaves of the states.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import PLAIN_WALK, Strategy
from stressor.mechanisms.exhaustive import Search, exhaust
from stressor.mechanisms.exploring import runner
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.reclaim.qsbr import Qsbr
from stressor.mechanisms.reduction import Reduced
from stressor.mechanisms.refcount.biased import BiasedCounting
from stressor.mechanisms.refcount.plain import PlainCounting
from stressor.mechanisms.registry import MECHANISMS, maker
from stressor.mechanisms.replay import rehearse
from stressor.mechanisms.running import Chooser, Makes, Ran, run
from stressor.mechanisms.stepping import paused_collector
from stressor.mechanisms.table import Table
from stressor.runtime import binding

RANDOM: tuple[tuple[type[Mechanism], dict[str, int]], ...] = (
    (PyMutex, {}),
    (PyMutex, {"threads": 3, "rounds": 8}),
    (BiasedCounting, {}),
    (BiasedCounting, {"others": 2, "extra": 8, "gifts": 8}),
    (PlainCounting, {}),
    (Qsbr, {}),
)
EXHAUSTIVE: tuple[tuple[type[Mechanism], dict[str, int]], ...] = (
    (PyMutex, {"threads": 4, "rounds": 2}),
    (BiasedCounting, {"others": 3, "extra": 2, "gifts": 3}),
    (PlainCounting, {"workers": 4}),
)
SECONDS = 3.0
MOST_STATES = 500_000


def main() -> int:
    """Print three Markdown tables."""
    strategies = (*native_strategies(binding.schedulers(), binding.Scheduler), PLAIN_WALK)
    print("| random mode, steps/s | | " + " | ".join(each.name for each in strategies) + " |")
    print("| --- | --- |" + " ---: |" * len(strategies))
    for mechanism, sizes in RANDOM:
        makes = maker(mechanism, "", sizes)
        for how, one in (("explored", runner(makes)), ("run itself", partial(itself, makes))):
            rates = [f"{rate(one, makes, strategy):,.0f}" for strategy in strategies]
            print(f"| {named(mechanism, sizes)} | {how} | {' | '.join(rates)} |", flush=True)
    print("\n| exhaustive mode | states | states/s |\n| --- | ---: | ---: |")
    for mechanism, sizes in EXHAUSTIVE:
        began = time.process_time()
        found = exhaust(maker(mechanism, "", sizes), MOST_STATES)
        speed = found.states / (time.process_time() - began)
        print(f"| {named(mechanism, sizes)} | {found.states:,} | {speed:,.0f} |", flush=True)
    print("\n| reduction | states of all | left |\n| --- | ---: | ---: |")
    kept = {each.name: (states(Table, each), states(Reduced, each)) for each in MECHANISMS}
    for name, (full, left) in sorted(kept.items(), key=lambda item: item[1][1] / item[1][0])[:5]:
        print(f"| {name} | {full:,} | {left:,} |")
    full, left = (sum(each) for each in zip(*kept.values(), strict=True))
    print(f"| all {len(kept)} | {full:,} | {left:,} |")
    return 0


def rate(one: Callable[[Callable[[], Chooser]], Ran], makes: Makes, strategy: Strategy) -> float:
    """Steps per second of processor time."""
    lengths = rehearse(makes)
    steps, seed = 0, 0
    with paused_collector():
        began = time.process_time()
        while (passed := time.process_time() - began) < SECONDS:
            steps += len(one(partial(strategy.begin, seed, lengths)).schedule)
            seed += 1
    return steps / passed


def itself(makes: Makes, begin: Callable[[], Chooser]) -> Ran:
    """A run of the model."""
    return run(makes(), begin())


def states(kind: type[Table], mechanism: type[Mechanism]) -> int:
    """States of the correct version."""
    search = Search(kind(maker(mechanism)), MOST_STATES, lambda so_far: None)
    with paused_collector():
        search.go()
    return len(search.order)


def named(mechanism: type[Mechanism], sizes: dict[str, int]) -> str:
    """The mechanism with the sizes that are not the usual ones."""
    return " ".join([mechanism.name, *(f"{name}={number}" for name, number in sizes.items())])


if __name__ == "__main__":
    sys.exit(main())
