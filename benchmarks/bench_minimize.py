"""What minimizing costs and gives: runs, seconds, and the size of the result, per bundled case.

Explores each case until its first failure, minimizes that with the default effort, and prints threads,
calls, delays, pins and switches before and after, and the measured rate. Small is what has at most two
threads, four calls, and three pins and switches in all. `--mode` takes failures of one mode only:
threads that run in parallel, or take turns.

    python benchmarks/bench_minimize.py corpus/cases/buggy/* [--mode turns] [--seconds 60]
"""

import argparse
import sys
import time
from enum import Enum
from pathlib import Path

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk
from stressor.minimize import minimize
from stressor.model.cost import CERTAIN
from stressor.model.plan import Plan, Schedule
from stressor.model.trial import Trial


class Mode(Enum):
    """Which failures are minimized."""

    ANY = "any"
    PARALLEL = "parallel"
    TURNS = "turns"

    def has(self, plan: Plan) -> bool:
        """Whether a plan is of this mode."""
        return self is Mode.ANY or (self is Mode.TURNS) == (plan.schedule is not None)


def first_failure(hosts: Hosts, options: argparse.Namespace, case: Path) -> Trial | None:
    """The first failing trial of a campaign, or None when time is up."""
    began, mode, seconds = time.monotonic(), Mode(options.mode), options.seconds
    for trial in walk(hosts, Settings(str(case), options.seed)):
        if trial.outcome.signature is not None and mode.has(trial.plan):
            return trial
        if time.monotonic() - began >= seconds:
            break
    return None


def size(plan: Plan) -> str:
    """`threads/calls/delays/pins/switches x rounds`, and the scheduler if one draws."""
    pins = sum(rule.is_pin for rule in plan.rules)
    schedule = plan.schedule or Schedule()
    drawn = "" if schedule.then.name == CERTAIN else f" {schedule.then.name}"
    switches = len(schedule.switches)
    parts = (plan.threads, plan.calls, len(plan.rules) - pins, pins, switches)
    return f"{'/'.join(map(str, parts))} x{plan.rounds}{drawn}"


def is_small(plan: Plan) -> bool:
    """Two threads, four calls, three pins or switches, and nothing that is drawn or delayed."""
    schedule = plan.schedule or Schedule()
    ordered = schedule.then.name == CERTAIN and all(rule.is_pin for rule in plan.rules)
    orders = len(plan.rules) + len(schedule.switches)
    return ordered and plan.threads <= 2 and plan.calls <= 4 and orders <= 3


def row(options: argparse.Namespace, case: Path) -> tuple[str, bool]:
    """One line of the table, and whether the result is small."""
    scratch, runs = Scratch(), 0
    try:
        with Hosts(scratch) as hosts:
            found = first_failure(hosts, options, case)
            if found is None:
                why = f"not found in {options.seconds:g} s"
                return f"| {case.name} | - | - | {why} | - | - | - |", False

            def counted(plan: Plan) -> Trial:
                nonlocal runs
                runs += 1
                return hosts.carry_out(plan)

            began = time.monotonic()
            small = minimize(found, counted)
            took = time.monotonic() - began
    finally:
        scratch.close()
    before, after = size(found.plan), size(small.plan)
    text = f"{before} | {after} | {small.rate} | {runs} | {took:.1f} | {small.outcome.signature}"
    return f"| {case.name} | {text} |", is_small(small.plan)


def main() -> int:
    """Measure all cases given; print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="to find a failure")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.ANY.value)
    options = parser.parse_args()
    shape = "threads/calls/delays/pins/switches x rounds"
    print(f"| case | found: {shape} | minimized | rate | runs | s | signature |")
    print("|" + " --- |" * 7)
    small = 0
    for case in options.cases:
        line, is_small_now = row(options, case)
        small += is_small_now
        print(line, flush=True)
    print(f"\n{small} of {len(options.cases)} are small")
    return 0


if __name__ == "__main__":
    sys.exit(main())
