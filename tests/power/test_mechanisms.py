"""Every defect of every mechanism is found by a random walk within a budget that is computed.

`walk_chance` is the chance p that one walk breaks an invariant, from the model's whole state graph.
n walks all miss with probability (1 - p) ** n, so n = log(MISS) / log(1 - p): the chance that one of
these tests fails although all is well is MISS = 1e-9 for each defect, under 1e-6 for all. The correct
version survives a hundred times the largest budget of its defects, in `PARTS` tests of as many walks: a
walk that a wrong correct version would break as rarely as its rarest defect, and all of them missed it,
has the chance MISS ** 100. That takes about an hour of one core for all, so it is slow, and for -n.
"""

from functools import cache
from random import SystemRandom

import pytest

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.chance import runs_for, walk_chance
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.exploring import explore
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.registry import BY_NAME, MECHANISMS, maker

pytestmark = [pytest.mark.power, pytest.mark.native]

MISS = 1e-9
LEAST_CHANCE = 1e-4
"""A defect that a walk meets more rarely is told to its author: make it easier to come to."""
PARTS = 50
"""Tests among which the hundred budgets of a mechanism are divided, so that none takes a minute."""


def walk() -> Strategy:
    from stressor.runtime import binding  # noqa: PLC0415 - collecting these tests needs no shim

    strategies = native_strategies(binding.schedulers(), binding.Scheduler)
    return next(each for each in strategies if each.name == "walk")


def drawn_seed() -> int:
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return seed


@pytest.mark.parametrize(
    ("mechanism", "defect"),
    [pytest.param(m, d, id=f"{m.name}-{d}") for m in MECHANISMS for d in m.defects],
)
def test_a_walk_finds_each_defect(mechanism: type[Mechanism], defect: str) -> None:
    makes = maker(mechanism, defect)
    chance = walk_chance(makes)
    assert chance >= LEAST_CHANCE
    assert explore(makes, walk(), runs_for(chance, MISS), drawn_seed()).finding is not None


@cache
def budget(name: str) -> int:
    """Walks that find the mechanism's rarest defect, but for `MISS`."""
    mechanism = BY_NAME[name]
    chances = [walk_chance(maker(mechanism, defect)) for defect in mechanism.defects]
    return runs_for(min(chances), MISS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: each.name)
def test_the_correct_version_survives_a_hundred_times_that(
    mechanism: type[Mechanism], part: int
) -> None:
    runs = 100 * budget(mechanism.name) // PARTS
    explored = explore(maker(mechanism), walk(), runs, drawn_seed())
    assert (explored.finding, explored.runs) == (None, runs)
