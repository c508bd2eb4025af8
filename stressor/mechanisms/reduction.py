"""Partial-order reduction of the exhaustive search: steps that nobody sees are not interleaved.

A step that touches nothing shared is independent of all that others do, now and later, and invisible to
every invariant; it alone is an ample set (Peled, CAV 1993). So it is taken together with the step
of its thread before it, and the states in between are left out. A round of such steps only would put
all others off for ever, so there the last state is kept.
"""

from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import Makes
from stressor.mechanisms.stepping import PLACE_BITS
from stressor.mechanisms.table import UNKNOWN, Table


class Reduced(Table):
    """A table whose changes are those of a step and of all that its thread does unseen after it."""

    def __init__(self, makes: Makes) -> None:
        super().__init__(makes)
        self._more: dict[tuple[int, int], int] = {}
        self.prologue: list[int] = []
        for thread in range(self.count):
            change, steps = self._unseen(thread, self.begin)
            self.begin += change
            self.prologue += [thread] * steps

    def change(self, thread: int, state: int) -> int | Broken | None:
        """What a step, and the unseen ones after it, make of a state."""
        key = self.key(thread, state)
        known = self.changes[thread].get(key, UNKNOWN)
        if known is not UNKNOWN:
            return known
        change = super().change(thread, state)
        if isinstance(change, int):
            more, steps = self._unseen(thread, state + change)
            if steps:
                change += more
                self.changes[thread][key] = change
                self._more[thread, key] = steps
        return change

    def steps(self, thread: int, state: int) -> int:
        """How many steps a change stands for."""
        return 1 + self._more.get((thread, self.key(thread, state)), 0)

    def _unseen(self, thread: int, state: int) -> tuple[int, int]:
        """The change by unseen steps alone, and how many these are."""
        first = at = self.place(state, thread)
        passed = {at}
        after = self.stepping.alone(thread, state >> self.width, at)
        while after is not None and after not in passed:
            at = after
            passed.add(at)
            after = self.stepping.alone(thread, state >> self.width, at)
        return at - first << PLACE_BITS * thread, len(passed) - 1
