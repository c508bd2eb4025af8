"""What minimizing costs and gives: runs, seconds, and the size of the result, per bundled case.

Explores each case until its first failure, minimizes that with the default effort, and prints threads,
calls, delays and pins before and after, and the measured rate.

    python benchmarks/bench_minimize.py corpus/cases/buggy/* [--seconds 60]
"""

import argparse
import sys
import time
from pathlib import Path

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk
from stressor.minimize import minimize
from stressor.model.plan import Plan
from stressor.model.trial import Trial


def first_failure(hosts: Hosts, case: Path, seed: int, seconds: float) -> Trial | None:
    """The first failing trial of a campaign, or None when time is up."""
    began = time.monotonic()
    for trial in walk(hosts, Settings(str(case), seed)):
        if trial.outcome.signature is not None:
            return trial
        if time.monotonic() - began >= seconds:
            break
    return None


def size(plan: Plan) -> str:
    """`threads/calls/delays/pins x rounds`."""
    pins = sum(rule.is_pin for rule in plan.rules)
    return f"{plan.threads}/{plan.calls}/{len(plan.rules) - pins}/{pins} x{plan.rounds}"


def row(case: Path, seed: int, seconds: float) -> str:
    """One line of the table."""
    scratch, runs = Scratch(), 0
    try:
        with Hosts(scratch) as hosts:
            found = first_failure(hosts, case, seed, seconds)
            if found is None:
                return f"| {case.name} | - | - | not found in {seconds:g} s | - | - |"

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
    return f"| {case.name} | {before} | {after} | {small.rate} | {runs} | {took:.1f} |"


def main() -> int:
    """Measure all cases given; print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="to find a failure")
    options = parser.parse_args()
    print("| case | found: threads/calls/delays/pins x rounds | minimized | rate | runs | s |")
    print("|" + " --- |" * 6)
    for case in options.cases:
        print(row(case, options.seed, options.seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
