"""Calls to the first failure: stressor against plain stress, per case, median over seeds.

The yardstick is `plain_stress.py` with the same number of threads and once with each allocator: as a
long hammer (300 calls per thread on fresh state, or what the case asks for) and with short programs
(2 calls per thread on fresh state, as a real test has). stressor runs its default portfolio with at
most as many threads. A run that finds nothing within its time counts as censored: shown as `>calls`.

    python benchmarks/bench_find.py CASE_FOLDER... [--seconds 20] [--seeds 5] [--json FILE]

A case whose `meta.json` or `case.toml` names a requirement gets it installed into a folder of its own.
"""

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict, frozen
from platformdirs import user_cache_path

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk

THREADS = 4
SHORT_CALLS = 2
HAMMER_CALLS = 300
PLAIN = Path(__file__).with_name("plain_stress.py")


@frozen
class Run:
    """One search: how many calls and seconds until the first failure, or until time was up."""

    found: bool
    calls: int
    seconds: float
    what: str = ""


def facts(case: Path) -> dict[str, object]:
    """What the case says of itself."""
    if (case / "case.toml").is_file():
        return tomllib.loads((case / "case.toml").read_text())
    if (case / "meta.json").is_file():
        loaded: dict[str, object] = json.loads((case / "meta.json").read_text())
        return loaded
    return {}


def requirement_folder(case: Path) -> Path | None:
    """Install what the case needs into a folder of its own, once."""
    wanted = str(facts(case).get("requirement", "stdlib"))
    if wanted in ("stdlib", "none", ""):
        return None
    folder = user_cache_path("stressor") / "benchmark-packages" / wanted
    if not folder.is_dir():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
        subprocess.run([*command, str(folder), wanted], check=True, timeout=300)
    return folder


def plain(case: Path, seed: int, seconds: float, calls: int, allocator: str) -> Run:
    """One plain stress in a process of its own."""
    with tempfile.NamedTemporaryFile() as counters:
        counters.write(bytes(8 * THREADS))
        counters.flush()
        command = [sys.executable, str(PLAIN), str(case), "--seed", str(seed)]
        command += ["--seconds", str(seconds), "--threads", str(THREADS), "--calls", str(calls)]
        command += ["--counters", counters.name]
        environ = os.environ | ({"PYTHONMALLOC": "debug"} if allocator == "debug" else {})
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, env=environ, capture_output=True, timeout=seconds + 5, check=False
            )
            crashed = done.returncode != 0
            failure = "" if crashed else str(json.loads(done.stdout)["failure"])
            what = f"exit {done.returncode}" if crashed else failure
        except subprocess.TimeoutExpired:
            crashed, failure, what = True, "", "hang"
        elapsed = time.monotonic() - began
        total = sum(struct.unpack(f"<{THREADS}Q", Path(counters.name).read_bytes()))
    return Run(crashed or bool(failure), total, elapsed, what)


def guided(case: Path, seed: int, seconds: float) -> Run:
    """Run the default portfolio until its first failure."""
    settings = Settings(str(case), seed, threads=THREADS)
    scratch, calls = Scratch(), 0
    try:
        with Hosts(scratch) as hosts:
            hosts.host(str(case)).hello  # noqa: B018 - loading the target is not searching
            began = time.monotonic()
            for trial in walk(hosts, settings):
                calls += trial.plan.calls * max(trial.evidence.rounds, 1)
                elapsed = time.monotonic() - began
                if trial.outcome.signature is not None:
                    return Run(True, calls, elapsed, str(trial.outcome.signature))
                if elapsed >= seconds:
                    break
            return Run(False, calls, seconds)
    finally:
        scratch.close()


def told(runs: Sequence[Run]) -> str:
    """`found/runs, median calls (median seconds)`; a median of censored runs is a lower bound."""
    found = sum(run.found for run in runs)
    middle = sorted(runs, key=lambda run: (not run.found, run.calls))[len(runs) // 2]
    seconds = statistics.median(run.seconds for run in runs)
    return f"{found}/{len(runs)} {'' if middle.found else '>'}{middle.calls:,} ({seconds:.1f} s)"


def measure(case: Path, seeds: int, seconds: float) -> dict[str, list[Run]]:
    """All ways on one case."""
    hammer = int(str(facts(case).get("ops_per_round", HAMMER_CALLS)))
    ways: dict[str, list[Run]] = {}
    for allocator in ("default", "debug"):
        for name, calls in (("hammer", hammer), ("short", SHORT_CALLS)):
            ways[f"{name}/{allocator}"] = [
                plain(case, seed, seconds, calls, allocator) for seed in range(1, seeds + 1)
            ]
    ways["stressor"] = [guided(case, seed, seconds) for seed in range(1, seeds + 1)]
    return ways


def main() -> int:
    """Measure and print a Markdown table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, dict[str, list[Run]]] = {}
    base = os.environ.get("PYTHONPATH", "")
    columns = ["hammer/default", "hammer/debug", "short/default", "short/debug", "stressor"]
    print("| case | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1), flush=True)
    for case in options.cases:
        folder = requirement_folder(case)
        # Only for this case: the same package in another version belongs to its twin.
        os.environ["PYTHONPATH"] = os.pathsep.join([*([str(folder)] if folder else []), base])
        ways = results[case.name] = measure(case, options.seeds, options.seconds)
        print(
            f"| {case.name} | " + " | ".join(told(ways[name]) for name in columns) + " |",
            flush=True,
        )
    if options.json is not None:
        data = {
            c: {w: [asdict(r) for r in rs] for w, rs in ws.items()} for c, ws in results.items()
        }
        options.json.write_text(json.dumps(data, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
