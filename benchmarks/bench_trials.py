"""Trials per second: what isolation costs, and how it grows with calls, threads, rounds and jobs.

Carries out plans of a trivial target, one fork each, and prints trials (and rounds) per second, the
best of several short batches, and the resident memory of the parent before and after. Goals: 150
isolated trials per second and core, also with 1,000 calls per trial.

    python benchmarks/bench_trials.py [--seconds 3] [--json FILE]
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from attrs import asdict, frozen

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.model.outcome import Verdict
from stressor.model.plan import Call, Plan

TRIVIAL = """
def SETUP():
    return [0]

OPS = {"look": len}
"""
BATCHES = 4


@frozen
class Shape:
    """What one measurement varies."""

    threads: int = 2
    calls: int = 5  # per thread
    rounds: int = 1
    jobs: int = 1


@frozen
class Speed:
    """What came out: trials and rounds per second over all jobs."""

    shape: Shape
    trials: float
    rounds: float


SHAPES = (
    Shape(),
    Shape(jobs=2),
    Shape(calls=500),
    Shape(calls=500, jobs=2),
    Shape(threads=4),
    Shape(threads=8),
    Shape(threads=16),
    Shape(calls=2, rounds=200),
    Shape(calls=2, rounds=2000),
)


def run_batch(hosts: Hosts, plan: Plan, seconds: float) -> tuple[int, float]:
    """Carry out the plan for so long; returns how often, and how long it really took."""
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        trial = hosts.carry_out(plan)
        assert trial.outcome.verdict is Verdict.PASSED, trial.outcome
        done += 1
    return done, time.monotonic() - began


def measure(target: Path, shape: Shape, seconds: float) -> Speed:
    """The best of some batches: the machine's other work only ever slows them down."""
    program = ((Call("look"),) * shape.calls,) * shape.threads
    plan = Plan(str(target), program, seed=1, rounds=shape.rounds)
    scratch = Scratch()
    jobs = [Hosts(scratch) for _ in range(shape.jobs)]
    best = 0.0
    try:
        for hosts in jobs:
            hosts.carry_out(plan)  # starts the fork server
        for _ in range(BATCHES):
            rates = [0.0] * len(jobs)

            def work(number: int, rates: list[float] = rates) -> None:
                done, took = run_batch(jobs[number], plan, seconds / BATCHES)
                rates[number] = done / took

            threads = [threading.Thread(target=work, args=(n,)) for n in range(len(jobs))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            best = max(best, sum(rates))
    finally:
        for hosts in jobs:
            hosts.close()
        scratch.close()
    return Speed(shape, best, best * shape.rounds)


def main() -> int:
    """Measure all shapes, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="per shape")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    memory = psutil.Process().memory_info
    print("| threads | calls each | rounds | jobs | trials/s | rounds/s |\n|" + " --- |" * 6)
    speeds, first = [], 0
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "trivial.py"
        target.write_text(TRIVIAL)
        for shape in SHAPES:
            speed = measure(target, shape, options.seconds)
            speeds.append(speed)
            first = first or memory().rss
            row = (shape.threads, shape.calls, shape.rounds, shape.jobs)
            print(f"| {' | '.join(map(str, row))} | {speed.trials:.0f} | {speed.rounds:.0f} |")
            sys.stdout.flush()
    last = memory().rss
    print(
        f"\nparent: {first / 2**20:.0f} MiB after the first shape, {last / 2**20:.0f} MiB at the end"
    )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(speed) for speed in speeds], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
