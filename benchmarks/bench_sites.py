"""What one interposed call costs: disarmed, armed without a rule, watched by all monitors, recorded.

    python benchmarks/bench_sites.py [--json FILE] [--runs 200] [--iterations 100000]

The shim times a call of `PyList_GetItem` through its wrapper, in a loop of its own. Other processes
can only make a run slower, so the minimum over many short runs is what the code costs; the median
says how quiet the machine was. `added` is what the wrapper adds to the direct call, the number that
the goals are about. `decide` is one decision of a rule that selects the site.

The last lines are a call inside the interpreter that was redirected: detaching and attaching a thread,
timed before and after the interpreter's calls of `_PyThreadState_Detach` were led through the shim.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict, frozen

from stressor import _shim
from stressor.campaign.redirection import redirection

DIRECT, DECIDE = "direct", "decide"
GOALS = {
    "disarmed": 1.5,
    "armed": 8.0,
    "watched": 20.0,
    "recorded": 20.0,
}  # nanoseconds added to a direct call
DETACH, REDIRECTED = "detach", "_PyThreadState_Detach"
REDIRECTED_GOAL = 40.0  # every register is kept twice


@frozen
class Cost:
    """One measurement; nanoseconds per call. `added` and `ratio` are against the direct call."""

    what: str
    least: float
    median: float
    added: float
    ratio: float
    goal: float | None


def measure(runs: int, iterations: int) -> list[Cost]:
    """All measurements, taken in turns so that a busy moment does not fall on one of them."""
    _shim.instrument([])
    words = [DIRECT, *GOALS, DECIDE]
    times: dict[str, list[float]] = {word: [] for word in words}
    for _ in range(runs):
        for word in words:
            times[word].append(_shim.bench(word, iterations))
    direct = min(times[DIRECT])
    return [
        Cost(
            what=word,
            least=min(taken),
            median=statistics.median(taken),
            added=0.0 if word == DECIDE else min(taken) - direct,
            ratio=min(taken) / direct,
            goal=GOALS.get(word),
        )
        for word, taken in times.items()
    ]


def measure_redirected(runs: int, iterations: int) -> list[Cost]:
    """A redirected call; none where nothing can be redirected. The process has one thread."""
    plain = [_shim.bench(DETACH, iterations) for _ in range(runs)]
    orders = redirection([REDIRECTED]).orders()
    if why := _shim.redirect(orders["build_id"], orders["functions"]):
        print(f"not redirected: {why}", file=sys.stderr)
        return []
    words = {"redirected, disarmed": DETACH, "redirected, armed": f"{DETACH}-armed"}
    goals = dict(zip(words, (GOALS["disarmed"], REDIRECTED_GOAL), strict=True))
    times: dict[str, list[float]] = {word: [] for word in words}
    for _ in range(runs):
        for word, what in words.items():
            times[word].append(_shim.bench(what, iterations))
    direct = min(plain)
    return [
        Cost(DETACH, direct, statistics.median(plain), 0.0, 1.0, None),
        *(
            Cost(
                what=word,
                least=min(taken),
                median=statistics.median(taken),
                added=min(taken) - direct,
                ratio=min(taken) / direct,
                goal=goals[word],
            )
            for word, taken in times.items()
        ),
    ]


def table(costs: Sequence[Cost]) -> str:
    """The measurements as a table in Markdown."""
    lines = ["| ns per call | least | median | added | goal | ratio |", "| --- |" + " ---: |" * 5]
    for cost in costs:
        goal = f"<= {cost.goal}" if cost.goal is not None else ""
        lines.append(
            f"| {cost.what} | {cost.least:.2f} | {cost.median:.2f} | {cost.added:.2f} | {goal} "
            f"| {cost.ratio:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    costs = measure(chosen.runs, chosen.iterations)
    costs += measure_redirected(chosen.runs, chosen.iterations)
    print(table(costs))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
