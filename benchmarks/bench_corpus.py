"""Listing, loading and keeping in corpora of growing size. Goal: 100,000 entries listed in under 1 s.

python benchmarks/bench_corpus.py [--most 100000]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from attrs import evolve

from stressor.corpus import Corpus, load_entry
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Call, Plan
from stressor.model.trial import Trial

PER_SIGNATURE = 8


def trial(number: int) -> Trial:
    """A small failing trial with its own plan; so many share a signature."""
    where = f"module:function_{number // PER_SIGNATURE}"
    failure = Failure(Signature(FailureKind.CRASH, where), "crashed")
    plan = Plan("target.py", ((Call("op"),), (Call("op"),)), seed=number)
    return Trial(plan, Evidence(Ending(End.SIGNALLED, 11)), Outcome(Verdict.FAILED, (failure,)))


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    """Measure for 100, 1,000, ... entries; print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000)
    options = parser.parse_args()
    print("| entries | list, s | load one, ms | keep one more, ms |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        corpus, made, wanted = Corpus(Path(folder)), 0, 100
        example = corpus.keep(trial(0))
        text = example.read_bytes()
        while wanted <= options.most:
            for number in range(made, wanted):
                home = corpus.path_of(trial(number)) if number < PER_SIGNATURE else None
                path = home or example.parent.with_name(f"crash-{number // PER_SIGNATURE:08x}")
                place = path if home else path / f"{number:016x}.json"
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(text)
            made = wanted
            listing = seconds(corpus.listing)
            load = seconds(partial(load_entry, example))
            more = evolve(trial(0), plan=evolve(trial(0).plan, seed=10**6 + wanted))
            keep = seconds(partial(corpus.keep, more))
            print(
                f"| {wanted:,} | {listing:.3f} | {load * 1e3:.1f} | {keep * 1e3:.1f} |", flush=True
            )
            wanted *= 10
    return 0


if __name__ == "__main__":
    sys.exit(main())
