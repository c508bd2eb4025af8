"""Schedules to the first failure, per strategy, against plain stress of the same program.

    python benchmarks/bench_schedules.py CASE_FOLDER... [--seeds 20] [--most 300] [--json FILE]

Everybody gets the same programs, drawn as a campaign draws them: two threads of two calls, another
program after every ten schedules, the state made by the first thread. One schedule is one round on
fresh state. Plain stress releases the threads together and lets them run (strategy `none`, no
delays); controlled strategies run in batches in one process. What finds nothing within `--most`
schedules counts as that many, so a mean over such runs is a lower bound, marked `>`. The geometric
mean is also what RFF's authors give (Wolff et al., ASPLOS 2024: 3.4 for it, 5.6 for POS), of another
suite and of programs that are known to hold the bug.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from math import exp, log
from pathlib import Path
from random import Random

from attrs import evolve

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.model.plan import Limits, Plan, Schedule, Spec
from stressor.targets.harness import OperationInfo
from stressor.targets.programs import generate

THREADS, CALLS = 2, 2
BATCH = 10  # schedules of one program
PLAIN = "plain"
STRATEGIES = ("walk", "pct2", "pct3", "pos", "surw", "delayed")
DEPTHS = {"pct2": 2.0, "pct3": 3.0}
LONG = ("pct2", "pct3", "surw", "delayed")  # want to know how long the run is


def lengths(hosts: Hosts, plan: Plan) -> list[int]:
    """Choices of each thread, seen in one run that does not switch."""
    control = hosts.carry_out(evolve(plan, schedule=Schedule(), rounds=1)).evidence.control
    steps = control.steps if control is not None else ()
    return [max(sum(step.thread == thread for step in steps), 1) for thread in range(THREADS)]


def scheduler(name: str, steps: Sequence[int]) -> Spec:
    """The strategy with the numbers that it asks for."""
    if name in DEPTHS:
        return Spec("pct", {"depth": DEPTHS[name], "steps": float(sum(steps))})
    if name == "delayed":
        return Spec(name, {"delays": 2.0, "steps": float(sum(steps))})
    if name == "surw":
        return Spec(name, {f"count{thread}": float(count) for thread, count in enumerate(steps)})
    return Spec(name)


def plans(case: str, operations: Sequence[OperationInfo], seed: int) -> Iterator[Plan]:
    """The same programs for every strategy."""
    random = Random(seed)
    limits = Limits(seconds=2.0, memory_mb=4096)
    while True:
        program = generate(operations, THREADS, CALLS, random.getrandbits(32))
        yield Plan(case, program, random.getrandbits(32), home=0, rounds=BATCH, limits=limits)


def controlled(hosts: Hosts, plan: Plan, name: str) -> Plan:
    """The plan under a scheduler, which is told the lengths that it needs to know."""
    steps = lengths(hosts, plan) if name in LONG else ()
    return evolve(plan, schedule=Schedule(scheduler(name, steps)))


def first_failure(hosts: Hosts, some: Iterator[Plan], name: str, most: int) -> tuple[int, bool]:
    """Schedules carried out, the failing one included, and whether any failed."""
    done = 0
    for plan in some:
        trial = hosts.carry_out(plan if name == PLAIN else controlled(hosts, plan, name))
        done += max(trial.evidence.rounds, 1)
        if trial.outcome.signature is not None:
            return done, True
        if done >= most:
            break
    return most, False


def measure(case: Path, seeds: int, most: int) -> dict[str, list[tuple[int, bool]]]:
    """All strategies on one case."""
    found: dict[str, list[tuple[int, bool]]] = {name: [] for name in (PLAIN, *STRATEGIES)}
    with Scratch() as scratch, Hosts(scratch) as hosts:
        operations = hosts.host(str(case)).hello.operations
        for seed in range(seeds):
            for name, runs in found.items():
                some = plans(str(case), operations, seed)
                runs.append(first_failure(hosts, some, name, most))
    return found


def told(runs: Sequence[tuple[int, bool]]) -> str:
    """Geometric mean of the schedules; how many runs found something, when not all did."""
    mean = exp(sum(log(count) for count, _ in runs) / len(runs))
    missed = sum(not found for _, found in runs)
    return f">{mean:,.1f} ({len(runs) - missed}/{len(runs)})" if missed else f"{mean:,.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a Markdown table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    names = (PLAIN, *STRATEGIES)
    print("| case | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1), flush=True)
    results: dict[str, dict[str, list[tuple[int, bool]]]] = {}
    for case in options.cases:
        found = results[case.name] = measure(case, options.seeds, options.most)
        print(
            f"| {case.name} | " + " | ".join(told(found[name]) for name in names) + " |", flush=True
        )
    every = {name: [run for found in results.values() for run in found[name]] for name in names}
    print("| all | " + " | ".join(told(every[name]) for name in names) + " |")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
