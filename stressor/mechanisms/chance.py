"""How likely one run of a random walk is to break something: computed, not measured.

The walk chooses evenly among the threads that can go on. So the chance of each state at each step is
known from the step before; what reaches a broken step is added up, until next to nothing is on its way.
"""

import math
from collections import defaultdict

from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import Makes
from stressor.mechanisms.stepping import ENDED, Stepping, paused_collector

ENOUGH = 1e-9
"""The walk is followed until less than this chance is left."""
MOST_STEPS = 2_000


def walk_chance(makes: Makes, most_steps: int = MOST_STEPS) -> float:
    """The chance that one walk breaks an invariant: a lower bound, exact but for `ENOUGH`."""
    with paused_collector():
        walk = _Walk(makes)
        found = 0.0
        now = {walk.stepping.begin: 1.0}
        for _ in range(most_steps):
            then: defaultdict[tuple[int, ...], float] = defaultdict(float)
            for state, chance in now.items():
                ways, broken = walk.ways(state)
                total = len(ways) + broken
                found += chance * broken / total if total else 0.0
                for way in ways:
                    then[way] += chance / total
            now = then
            if sum(now.values()) < ENOUGH:
                break
    return found


def runs_for(chance: float, miss: float) -> int:
    """Runs of which at least one breaks something, but for a chance of `miss`."""
    if chance >= 1:
        return 1
    return math.ceil(math.log(miss) / math.log1p(-chance))


class _Walk:
    """Where the walk can go from a state: a tuple of the shared state and the place of each thread."""

    def __init__(self, makes: Makes) -> None:
        self.stepping = Stepping(makes)
        self._steps: list[dict[tuple[int, int], tuple[int, int] | Broken | None]] = [
            {} for _ in self.stepping.names
        ]
        self._ways: dict[tuple[int, ...], tuple[list[tuple[int, ...]], int]] = {}

    def ways(self, state: tuple[int, ...]) -> tuple[list[tuple[int, ...]], int]:
        """States that are as likely one as the other, and how many further steps break something."""
        known = self._ways.get(state)
        if known is None:
            known = self._ways[state] = self._found(state)
        return known

    def _found(self, state: tuple[int, ...]) -> tuple[list[tuple[int, ...]], int]:
        shared, *places = state
        ways: list[tuple[int, ...]] = []
        broken = 0
        for thread, at in enumerate(places):
            if at == ENDED:
                continue
            steps = self._steps[thread]
            if (shared, at) not in steps:
                steps[shared, at] = self.stepping.step(thread, shared, at)
            after = steps[shared, at]
            if isinstance(after, Broken):
                broken += 1
            elif after is not None:
                ways.append((after[0], *places[:thread], after[1], *places[thread + 1 :]))
        if not ways and not broken and self.stepping.rest(shared, places) is not None:
            broken = 1
        return ways, broken
