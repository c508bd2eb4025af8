"""The yardstick: plain stress of a harness, with no injection and none of stressor's machinery.

One process: T threads behind a `threading.Barrier`, seeded random calls, fresh state every `--calls`
calls per thread, the check after each round. Prints one JSON line when it ends by itself. Calls are
counted in a mapped file, so that they are known when the process crashes. Run by `bench_find.py`,
which also gives it the debug allocator.

    python benchmarks/plain_stress.py TARGET --seed 1 --seconds 20 --threads 4 --calls 300
"""

import argparse
import json
import mmap
import random
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from stressor.targets import Harness, Operation, load

type Calls = list[Callable[[object], object]]


def call_of(operation: Operation, rng: random.Random) -> Callable[[object], object]:
    """One call with its arguments drawn, as the operation's own callable where it has none."""
    arguments = operation.arguments(rng.randbytes(16).hex())
    legal = operation.legal

    def call(state: object) -> object:
        try:
            return operation.function(state, **arguments)
        except legal:
            return None

    return call


class Stress:
    """The threads and what they share."""

    def __init__(self, harness: Harness, options: argparse.Namespace, counters: mmap.mmap) -> None:
        self.harness = harness
        self.options = options
        self.counters = counters
        self.rng = random.Random(options.seed)
        self.barrier = threading.Barrier(options.threads + 1)
        self.state: object = None
        self.programs: list[Calls] = []
        self.failure = ""
        self.over = False

    def draw(self) -> list[Calls]:
        """Every thread's calls of one round."""
        operations, options = self.harness.operations, self.options
        weights = [operation.weight for operation in operations]
        return [
            [
                call_of(one, self.rng)
                for one in self.rng.choices(operations, weights, k=options.calls)
            ]
            for _ in range(options.threads)
        ]

    def work(self, number: int) -> None:
        """One thread. Counts before each call, so that a crash is counted with its call."""
        done = 0
        while True:
            self.barrier.wait()
            if self.over:
                return
            for call in self.programs[number]:
                done += 1
                struct.pack_into("<Q", self.counters, 8 * number, done)
                try:
                    call(self.state)
                except Exception as error:
                    self.failure = self.failure or f"{type(error).__name__}: {error}"
            self.barrier.wait()

    def run_round(self) -> None:
        """Fresh state, all calls, the check."""
        self.programs = self.draw()
        self.state = self.harness.setup()
        self.barrier.wait()
        self.barrier.wait()
        try:
            self.harness.check(self.state)
            self.harness.teardown(self.state)
        except Exception as error:
            self.failure = self.failure or f"check: {type(error).__name__}: {error}"

    def run(self) -> str:
        """Rounds until one fails or time is up. Returns what failed, or nothing."""
        for number in range(self.options.threads):
            threading.Thread(target=self.work, args=(number,), daemon=True).start()
        end = time.monotonic() + self.options.seconds
        while time.monotonic() < end and not self.failure:
            self.run_round()
        self.over = True
        self.barrier.wait()
        return self.failure


def main() -> int:
    """Run one stress and print its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--calls", type=int, default=300, help="per thread on one fresh state")
    parser.add_argument("--counters", type=Path, required=True)
    options = parser.parse_args()
    with options.counters.open("r+b") as file:
        counters = mmap.mmap(file.fileno(), 8 * options.threads)
    failure = Stress(load(options.target), options, counters).run()
    json.dump({"failure": failure, "gil": sys._is_gil_enabled()}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
