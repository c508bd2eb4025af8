"""States of the whole as one integer each, and what a thread's step makes of it, computed once.

A state is the shared state and the place of each thread, interned as numbers (`stepping`) and packed
side by side. What a step does depends on nothing but the shared state and the thread's own place, so
these two are the key under which the change of the packed state is kept.
"""

from collections.abc import Sequence

from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import Makes
from stressor.mechanisms.stepping import ENDED, PLACE_BITS, PLACES, Stepping

PLACE = PLACES - 1
UNKNOWN = 1 << 4000
"""Stands for "not taken yet" among changes of the packed state: none is as large."""


class Table:
    """The steps of one model. `changes` has for each thread what is known, by `key`.

    A change is added to the state; None: the thread has to wait there, or has ended.
    """

    def __init__(self, makes: Makes) -> None:
        self.stepping = Stepping(makes)
        self.names = self.stepping.names
        self.count = len(self.names)
        self.width = PLACE_BITS * self.count
        self.changes: list[dict[int, int | None]] = [{} for _ in self.names]
        shared, *places = self.stepping.begin
        self.begin = self.packed(shared, places)
        self.prologue: list[int] = []  # the threads whose steps lead to `begin`

    def packed(self, shared: int, places: Sequence[int]) -> int:
        """One number for a state of the whole."""
        state = shared
        for place in reversed(places):
            state = state << PLACE_BITS | place
        return state

    def places(self, state: int) -> list[int]:
        """The place of each thread."""
        return [self.place(state, thread) for thread in range(self.count)]

    def place(self, state: int, thread: int) -> int:
        """The place of one thread."""
        return state >> PLACE_BITS * thread & PLACE

    def key(self, thread: int, state: int) -> int:
        """The shared state and the place of one thread, as a number that is small and so quick."""
        return state >> self.width << PLACE_BITS | self.place(state, thread)

    def change(self, thread: int, state: int) -> int | Broken | None:
        """What a step makes of a state; the step is taken if it was not yet, and broke nothing."""
        key = self.key(thread, state)
        known = self.changes[thread].get(key, UNKNOWN)
        if known is not UNKNOWN:
            return known
        change: int | None = None
        shared, at = state >> self.width, self.place(state, thread)
        if at != ENDED:
            after = self.stepping.step(thread, shared, at)
            if isinstance(after, Broken):
                return after
            if after is not None:
                change = (after[0] - shared << self.width) + (after[1] - at << PLACE_BITS * thread)
        self.changes[thread][key] = change
        return change

    def steps(self, thread: int, state: int) -> int:
        """How many steps a change stands for."""
        return 1

    def rest(self, state: int) -> Broken | None:
        """What is broken in a state where nobody can go on."""
        return self.stepping.rest(state >> self.width, self.places(state))
