"""How likely one run of a random walk is to break something: computed, not measured.

The walk chooses evenly among the threads that can go on and need not give way. So the chance of each
state at each step is known from the step before; what reaches a broken step is added up, until next to
nothing is on its way.
"""

import math
from collections import defaultdict

from stressor.mechanisms.base import Step
from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import Makes, fair
from stressor.mechanisms.stepping import paused_collector
from stressor.mechanisms.table import Table

ENOUGH = 1e-9
"""The walk is followed until less than this chance is left."""
MOST_STEPS = 2_000

type Owing = tuple[tuple[int, int], ...]
type Where = tuple[int, Owing, int]
"""A state, the threads that give way with those to whom, and who ran last where that matters."""


def walk_chance(makes: Makes, most_steps: int = MOST_STEPS) -> float:
    """The chance that one walk breaks an invariant: a lower bound, exact but for `ENOUGH`."""
    with paused_collector():
        walk = _Walk(makes)
        found = 0.0
        now = {walk.begin: 1.0}
        for _ in range(most_steps):
            then: defaultdict[Where, float] = defaultdict(float)
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
    """Where the walk can go: from a packed state (`table`), and to whom which thread owes a turn."""

    def __init__(self, makes: Makes) -> None:
        self.table = Table(makes)
        places = self.table.places(self.table.begin)
        owed = {
            thread: ~(1 << thread)
            for thread in range(len(places))
            if self.gives_way(thread, places[thread])
        }
        self.begin: Where = (self.table.begin, tuple(owed.items()), -1)
        self._ways: dict[Where, tuple[list[Where], int]] = {}

    def gives_way(self, thread: int, place: int) -> bool:
        """Whether the step that a thread takes from a place lets all others go first."""
        at = self.table.stepping.at(thread, place)
        return isinstance(at, Step) and at.gives_way

    def ways(self, where: Where) -> tuple[list[Where], int]:
        """States that are as likely one as the other, and how many further steps break something."""
        known = self._ways.get(where)
        if known is None:
            known = self._ways[where] = self._found(*where)
        return known

    def _found(self, state: int, owing: Owing, ran: int) -> tuple[list[Where], int]:
        changes = [self.table.change(thread, state) for thread in range(self.table.count)]
        able = sum(1 << thread for thread, each in enumerate(changes) if each is not None)
        owed = dict(owing)
        ready = fair(owed, able, ran)
        if not ready:
            return [], int(self.table.rest(state) is not None)
        ways: list[Where] = []
        broken = 0
        for thread, change in enumerate(changes):
            if change is None or not ready >> thread & 1:
                continue
            if isinstance(change, Broken):
                broken += 1
            else:
                ways.append(self._after(thread, state + change, owed))
        return ways, broken

    def _after(self, thread: int, state: int, owed: dict[int, int]) -> Where:
        if self.gives_way(thread, self.table.place(state, thread)):
            owed = owed | {thread: ~(1 << thread)}
        # Who ran matters to the debts only; without any, states met by two ways are one.
        return state, tuple(sorted(owed.items())), thread if owed else -1
