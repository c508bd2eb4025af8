"""Random mode: many runs of a model, each with a new seed, until one breaks an invariant.

Runs look up known steps (`walking`) while the states are few, else they run the model (`running`).
The schedules are the same either way.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from attrs import frozen

from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.replay import confirmed, rehearse
from stressor.mechanisms.running import Chooser, EndlessError, Makes, Ran, run
from stressor.mechanisms.stepping import paused_collector
from stressor.mechanisms.walking import TooManyError, Walking

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
    made = steps = 0
    with paused_collector():
        one = runner(makes)
        for made in range(1, runs + 1):
            ran = one(partial(strategy.begin, draw.getrandbits(64), lengths))
            steps += len(ran.schedule)
            if ran.broken is not None:
                return Explored(made, steps, confirmed(makes, ran))
            if not made % EVERY:
                progress(Explored(made, steps))
    return Explored(made, steps)


def runner(makes: Makes) -> Callable[[Callable[[], Chooser]], Ran]:
    """What makes one run after the other, each with a chooser that it begins (maybe twice)."""
    walking: Walking | None = Walking(makes)

    def one(begin: Callable[[], Chooser]) -> Ran:
        nonlocal walking
        if walking is not None:
            try:
                return walking.run(begin())
            except TooManyError:
                walking = None
            except EndlessError:  # told by a run of the model, which names the step
                pass
        return run(makes(), begin())

    return one
