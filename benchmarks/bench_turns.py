"""What controlled mode costs: a choice, a hand-over, a schedule, and how exact its replay is.

    python benchmarks/bench_turns.py [--seconds 3] [--replays 100] [--json FILE] [CASE_FOLDER...]

The shim times itself for the native numbers: `go-on` is one side of a visit at which the same thread
goes on, `hand-over` one at which another does, `schedule` a round of a kernel of two native threads
with four visits each. `rounds` are schedules per second with real operation calls in one process,
`isolated` with a fork for each. `exact` says how many runs of recorded schedules had the very trace
of the first: of every case given, plans under each scheduler.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from stressor import _shim
from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.model.plan import Call, Limits, Plan, Schedule, Spec
from stressor.targets.programs import generate

TARGET = """
import array

def SETUP():
    return array.array("i", range(8))

OPS = {"append": lambda a: a.append(1), "pop": lambda a: a.pop(), "sum": sum}
"""
PROGRAM = ((Call("append"), Call("sum")), (Call("pop"), Call("sum")))
BATCH = 500  # rounds of one trial
PLANS = 10  # of a case, for exactness

GOALS = {"go-on": 100, "hand-over": 5_000, "schedule": 50_000}  # nanoseconds


def native(batches: int) -> dict[str, float]:
    """Nanoseconds, the least of some batches: others can only make it slower."""
    _shim.instrument([])
    sizes = {"go-on": 500_000, "hand-over": 50_000, "schedule": 10_000}
    return {
        what: min(_shim.bench(what, size) for _ in range(batches)) for what, size in sizes.items()
    }


def rounds_per_second(hosts: Hosts, target: str, rounds: int, seconds: float) -> float:
    """Schedules per second of trials that have so many rounds; the best of four parts."""
    plan = Plan(target, PROGRAM, 1, schedule=Schedule(Spec("walk")), rounds=rounds)
    best = 0.0
    for part in range(4):
        done, began = 0, time.monotonic()
        while time.monotonic() - began < seconds / 4:
            trial = hosts.carry_out(evolve(plan, seed=part * 1_000_000 + done))
            done += trial.evidence.rounds
        best = max(best, done / (time.monotonic() - began))
    return best


def exactness(hosts: Hosts, case: str, replays: int) -> tuple[int, int]:
    """Runs with the same trace and rounds as the first run of their plan, and all runs."""
    operations = hosts.host(case).hello.operations
    same = runs = 0
    schedulers = [Spec("walk"), Spec("pct", {"depth": 3.0, "steps": 60.0}), Spec("pos")]
    for number in range(PLANS):
        program = generate(operations, 2 + number % 2, 2, number)
        schedule = Schedule(schedulers[number % len(schedulers)])
        plan = Plan(case, program, number, schedule=schedule, limits=Limits(seconds=2.0))
        traces = []
        for _ in range(replays // PLANS):
            control = hosts.carry_out(plan).evidence.control
            traces.append(control.trace if control is not None else "")
        same += sum(trace == traces[0] != "" for trace in traces)
        runs += len(traces)
    return same, runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--replays", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    results: dict[str, object] = {}
    print("| what | ns | goal |\n| --- | --- | --- |")
    for what, nanoseconds in native(5).items():
        results[what] = nanoseconds
        print(f"| {what} | {nanoseconds:,.0f} | {GOALS[what]:,} |", flush=True)
    with tempfile.TemporaryDirectory() as folder, Scratch() as scratch, Hosts(scratch) as hosts:
        target = Path(folder) / "target.py"
        target.write_text(TARGET)
        print("\n| schedules | per second | goal |\n| --- | --- | --- |")
        for what, rounds, goal in (("rounds", BATCH, 2_000), ("isolated", 1, 150)):
            speed = rounds_per_second(hosts, str(target), rounds, options.seconds)
            results[what] = speed
            print(f"| {what} | {speed:,.0f} | {goal:,} |", flush=True)
        if options.cases:
            print("\n| case | same trace | runs |\n| --- | --- | --- |")
        for case in options.cases:
            same, runs = exactness(hosts, str(case), options.replays)
            results[case.name] = [same, runs]
            print(f"| {case.name} | {same:,} | {runs:,} |", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
