"""How often one plan of the default portfolio finds each case: the power tests' arithmetic rests on it.

Carries out the same number of plans for every case and counts the failures, whatever their kind. The
result is written as JSON; `tests/power` computes its budgets from it.

    python benchmarks/bench_power.py corpus/cases/buggy/* --write tests/power/measured.json
"""

import argparse
import json
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk


def measure(case: Path, trials: int, seed: int, most_seconds: float) -> dict[str, object]:
    """Trials, failures among them, and by which strategies; ends early when time is up."""
    failures: Counter[str] = Counter()
    by_strategy: Counter[str] = Counter()
    scratch, calls, done = Scratch(), 0, 0
    began = time.monotonic()
    try:
        with Hosts(scratch) as hosts:
            for trial in islice(walk(hosts, Settings(str(case), seed)), trials):
                done += 1
                calls += trial.plan.calls * max(trial.evidence.rounds, 1)
                if trial.outcome.signature is not None:
                    failures[str(trial.outcome.signature)] += 1
                    by_strategy[trial.plan.strategy.name] += 1
                if time.monotonic() - began >= most_seconds:
                    break
    finally:
        scratch.close()
    return {
        "trials": done,
        "hits": failures.total(),
        "calls": calls,
        "seconds": round(time.monotonic() - began, 1),
        "strategies": dict(by_strategy.most_common()),
        "signatures": dict(failures.most_common(5)),
    }


def main() -> int:
    """Measure all cases given; print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120.0, help="at most, per case")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    measured = {}
    for case in options.cases:
        result = measured[case.name] = measure(case, options.trials, options.seed, options.seconds)
        print(
            f"{case.name:24} {result['hits']:>4}/{result['trials']} "
            f"{result['calls']:>9,} calls {result['seconds']:>6} s  {result['signatures']}",
            flush=True,
        )
    if options.write is not None:
        options.write.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
