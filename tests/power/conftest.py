"""What the power tests share: cases, measured rates, and a door that carries plans out."""

import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from attrs import frozen

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk
from stressor.model.monitors import Monitor
from stressor.model.trial import Trial

ROOT = Path(__file__).parents[2]
CASES = ROOT / "corpus" / "cases"
MEASURED = json.loads(Path(__file__).with_name("measured.json").read_text())

MISS = 1e-4
"""The chance that a test of this folder fails although the tool is as good as it was measured."""


def lower_bound(hits: int, trials: int) -> float:
    """Of the rate behind `hits` of `trials`: Wilson's score interval, one-sided 97.5 %."""
    z = 1.96
    rate = hits / trials
    spread = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return (rate + z * z / (2 * trials) - spread) / (1 + z * z / trials)


def budget(name: str) -> int:
    """Trials after which a case of the measured rate p has failed, but for a chance of `MISS`.

    All n trials miss with probability (1 - p) ** n, so n = log(MISS) / log(1 - p), with the lower
    bound of what `benchmarks/bench_power.py` measured for p.
    """
    measured = MEASURED[name]
    return math.ceil(
        math.log(MISS) / math.log1p(-lower_bound(measured["hits"], measured["trials"]))
    )


@frozen
class Search:
    """The default portfolio on one target."""

    hosts: Hosts

    def trials(
        self, target: Path | str, count: int, seed: int, monitors: tuple[Monitor, ...] = ()
    ) -> Iterator[Trial]:
        """Carry out the first `count` plans of the campaign with this seed."""
        return islice(walk(self.hosts, Settings(str(target), seed, monitors=monitors)), count)


@pytest.fixture
def search() -> Iterator[Search]:
    scratch = Scratch()
    try:
        with Hosts(scratch) as hosts:
            yield Search(hosts)
    finally:
        scratch.close()


def folders(*kinds: str) -> list[Path]:
    """All case folders of these kinds."""
    return sorted(each for kind in kinds for each in (CASES / kind).iterdir() if each.is_dir())


def named(path: Path) -> str:
    """The id of a case in pytest's output."""
    return path.name
