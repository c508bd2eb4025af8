"""How fast models are explored: steps per second in random mode, states per second in exhaustive mode.

    python benchmarks/bench_models.py

Processor time of one core, imports and the rehearsal of each model left out. Sizes are larger than
the usual ones, so that what a run or a search costs at its start does not count.
"""

import sys
import time

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import PLAIN_WALK
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.refcount.biased import BiasedCounting
from stressor.mechanisms.refcount.plain import PlainCounting
from stressor.mechanisms.registry import maker
from stressor.mechanisms.running import run
from stressor.runtime import binding

RANDOM: dict[type[Mechanism], dict[str, int]] = {
    PyMutex: {"threads": 3, "rounds": 8},
    BiasedCounting: {"others": 2, "extra": 8, "gifts": 8},
    PlainCounting: {"workers": 2},
}
EXHAUSTIVE: dict[type[Mechanism], dict[str, int]] = {
    PyMutex: {"threads": 4, "rounds": 2},
    BiasedCounting: {"others": 3, "extra": 2, "gifts": 3},
    PlainCounting: {"workers": 4},
}
SECONDS = 3.0
MOST_STATES = 500_000


def main() -> int:
    """Print two Markdown tables."""
    strategies = (*native_strategies(binding.schedulers(), binding.Scheduler), PLAIN_WALK)
    print("| random mode, steps/s | " + " | ".join(each.name for each in strategies) + " |")
    print("| --- |" + " ---: |" * len(strategies))
    for mechanism, sizes in RANDOM.items():
        makes = maker(mechanism, "", sizes)
        threads = len(mechanism("", **sizes).threads() | mechanism("", **sizes).services())
        cells = []
        for strategy in strategies:
            steps, seed, began = 0, 0, time.process_time()
            while (passed := time.process_time() - began) < SECONDS:
                steps += len(run(makes(), strategy.begin(seed, (20,) * threads)).schedule)
                seed += 1
            cells.append(f"{steps / passed:,.0f}")
        print(f"| {mechanism.name} | {' | '.join(cells)} |", flush=True)
    print("\n| exhaustive mode | states | states/s |\n| --- | ---: | ---: |")
    for mechanism, sizes in EXHAUSTIVE.items():
        began = time.process_time()
        found = exhaust(maker(mechanism, "", sizes), MOST_STATES)
        rate = found.states / (time.process_time() - began)
        print(f"| {mechanism.name} | {found.states:,} | {rate:,.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
