"""Exhaustive mode: every state that a model can come to, each once, and the shortest way to a bad one.

A state of the whole is the shared state and the place of each thread, all interned as numbers in one
integer. What a step does depends on nothing but the shared state and the thread's own place, so it is
computed once for each pair of these (`stepping`) and looked up from then on. Breadth first, so that a
finding has the fewest steps that there are.

Reduction: where some thread's next step touches nothing shared, it is independent of all that others
do, now and later, and invisible to every invariant; that step alone is an ample set (Peled, CAV 1993),
unless its state is known already, which would let others be put off for ever round a cycle.
"""

from array import array
from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from stressor.mechanisms.finding import Broken, Finding
from stressor.mechanisms.replay import confirmed, rehearse
from stressor.mechanisms.running import Makes, Ran
from stressor.mechanisms.stepping import ENDED, PLACE_BITS, PLACES, Stepping, paused_collector

MOST_STATES = 2_000_000
EVERY = 50_000
"""States between two reports of progress."""
PLACE = PLACES - 1
UNKNOWN, WAITS = 1 << 4000, 1 << 4001
"""Stand for "not taken yet" and "has to wait" among changes of the packed state: none is as large."""


@frozen
class Exhausted:
    """What a search went through. `complete`: nothing was left; `transitions` are steps looked at."""

    states: int
    transitions: int
    complete: bool = False
    finding: Finding | None = None


def exhaust(
    makes: Makes,
    most: int = MOST_STATES,
    progress: Callable[[Exhausted], None] = lambda so_far: None,
) -> Exhausted:
    """Search all states, up to `most`. Raises `FaultyModelError` when it is no model."""
    rehearse(makes)
    with paused_collector():
        search = _Search(makes, most, progress)
        broken = search.go()
    found = search.so_far()
    if broken is None:
        return evolve(found, complete=not search.cut)
    return evolve(found, finding=confirmed(makes, Ran(search.way(), broken)))


class _Search:
    """Breadth first. `order` has the states as they were found, `parents` whence, `by` by whom."""

    def __init__(self, makes: Makes, most: int, progress: Callable[[Exhausted], None]) -> None:
        self.stepping = Stepping(makes)
        self.count = len(self.stepping.names)
        self.width = PLACE_BITS * self.count
        self.most = most
        self.progress = progress
        shared, *places = self.stepping.begin
        self.order = [packed(shared, places)]
        self.seen = set(self.order)
        self.parents = array("q", [-1])
        self.by = array("b", [-1])
        self.memories: list[dict[int, int]] = [{} for _ in places]
        self.transitions = 0
        self.cut = False
        self.last: list[int] = []

    def go(self) -> Broken | None:
        """Search until something is broken or nothing, or too much, is left."""
        order, seen, most = self.order, self.seen, self.most
        threads = [(n, PLACE_BITS * n, memory) for n, memory in enumerate(self.memories)]
        width, private, untried = self.width, self.stepping.private, self.stepping.untried
        for number, state in enumerate(order):
            shared = state >> width
            moved = False
            if (private or untried) and self.goes_alone(number, state):
                continue
            for thread, shift, memory in threads:
                at = state >> shift & PLACE
                if at == ENDED:
                    continue
                change = memory.get(shared << PLACE_BITS | at, UNKNOWN)
                if change is UNKNOWN:
                    learnt = self.learn(thread, shared, at)
                    if isinstance(learnt, Broken):
                        self.last = [number, thread]
                        return learnt
                    change = learnt
                if change is WAITS:
                    continue
                moved = True
                self.transitions += 1
                new = state + change
                if new not in seen:
                    seen.add(new)
                    order.append(new)
                    self.parents.append(number)
                    self.by.append(thread)
            if not moved and (broken := self.rest(state)):
                self.last = [number]
                return broken
            if len(order) > most:
                self.cut = True
                return None
            if not number % EVERY:
                self.progress(self.so_far())
        return None

    def learn(self, thread: int, shared: int, at: int) -> int | Broken:
        """The change of the packed state by a step, which is taken if it was not yet."""
        key = shared << PLACE_BITS | at
        known = self.memories[thread].get(key)
        if known is not None:
            return known
        after = self.stepping.step(thread, shared, at)
        if isinstance(after, Broken):
            return after
        change = WAITS
        if after is not None:
            change = (after[0] - shared << self.width) + (after[1] - at << PLACE_BITS * thread)
        self.memories[thread][key] = change
        return change

    def goes_alone(self, number: int, state: int) -> bool:
        """Whether one thread's step will do here, because it touches nothing that is shared."""
        shared, places = state >> self.width, self.places(state)
        for thread, at in enumerate(places):
            if (thread, at) in self.stepping.untried:
                self.learn(thread, shared, at)
            if (thread, at) not in self.stepping.private:
                continue
            learnt = self.learn(thread, shared, at)
            if isinstance(learnt, Broken):
                continue
            if state + learnt not in self.seen:
                self.seen.add(state + learnt)
                self.order.append(state + learnt)
                self.parents.append(number)
                self.by.append(thread)
                self.transitions += 1
                return True
        return False

    def places(self, state: int) -> list[int]:
        """The place of each thread."""
        return [state >> PLACE_BITS * thread & PLACE for thread in range(self.count)]

    def rest(self, state: int) -> Broken | None:
        """What is broken when nobody can go on."""
        return self.stepping.rest(state >> self.width, self.places(state))

    def so_far(self) -> Exhausted:
        """What was gone through."""
        return Exhausted(len(self.order), self.transitions)

    def way(self) -> list[int]:
        """The threads whose steps lead to what was broken, in order."""
        number, *threads = self.last
        while self.parents[number] >= 0:
            threads.append(self.by[number])
            number = self.parents[number]
        return threads[::-1]


def packed(shared: int, places: Sequence[int]) -> int:
    """One number for a state of the whole."""
    state = shared
    for place in reversed(places):
        state = state << PLACE_BITS | place
    return state
