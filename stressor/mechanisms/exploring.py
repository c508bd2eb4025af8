"""Random mode: many runs of a model, each with a new seed, until one breaks an invariant."""

from collections.abc import Callable
from random import Random

from attrs import evolve, frozen

from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.replay import confirmed, rehearse
from stressor.mechanisms.running import Makes, run

EVERY = 1_000
"""Runs between two reports of progress."""


@frozen
class Explored:
    """What random runs found: runs and steps made, the failing one included."""

    runs: int
    steps: int
    finding: Finding | None = None


def explore(
    makes: Makes,
    strategy: Strategy,
    runs: int,
    seed: int,
    progress: Callable[[Explored], None] = lambda so_far: None,
) -> Explored:
    """Run a model up to `runs` times. Raises `FaultyModelError` when it is no model."""
    lengths = rehearse(makes)
    draw = Random(seed)
    explored = Explored(0, 0)
    for _ in range(runs):
        ran = run(makes(), strategy.begin(draw.getrandbits(64), lengths))
        explored = Explored(explored.runs + 1, explored.steps + len(ran.schedule))
        if ran.broken is not None:
            return evolve(explored, finding=confirmed(makes, ran))
        if not explored.runs % EVERY:
            progress(explored)
    return explored
