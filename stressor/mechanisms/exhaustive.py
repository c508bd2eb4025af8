"""Exhaustive mode: every state that a model can come to, each once, and the shortest way to a bad one.

Breadth first over packed states (`table`), so that a finding has the fewest steps that there are, but
for those that `reduction` takes along. When all states are known, it is asked whether one of them has
no way to an end any more (`endless`).
"""

from array import array
from collections.abc import Callable

from attrs import evolve, frozen

from stressor.mechanisms.endless import from_here_on, without_end
from stressor.mechanisms.finding import Broken, Finding
from stressor.mechanisms.reduction import Reduced
from stressor.mechanisms.replay import confirmed, confirmed_endless, rehearse
from stressor.mechanisms.running import EndlessError, Makes, Ran
from stressor.mechanisms.stepping import PLACE_BITS, paused_collector
from stressor.mechanisms.table import PLACE, UNKNOWN, Table

MOST_STATES = 2_000_000
EVERY = 50_000
"""States between two reports of progress."""
REST = -1


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
    endless: EndlessError | None = None
    try:
        rehearse(makes)
    except EndlessError as error:
        endless = error  # by this schedule; the search will tell whether by every one
    with paused_collector():
        search = Search(Reduced(makes), most, progress)
        broken = search.go()
        finding = None
        if broken is not None:
            finding = confirmed(makes, Ran(search.way(), broken))
        elif way := search.endless_way():
            finding = confirmed_endless(makes, way)
    if finding is None and endless is not None:
        raise endless
    return evolve(search.so_far(), complete=finding is None and not search.cut, finding=finding)


class Search:
    """Breadth first. `order` has the states as they were found, `parents` whence, `by` by whom.

    `ahead` has for each state that was gone through the number of one that can follow, the latest
    found; `REST` where none can.
    """

    def __init__(self, table: Table, most: int, progress: Callable[[Exhausted], None]) -> None:
        self.table = table
        self.most = most
        self.progress = progress
        self.order = [table.begin]
        self.numbers = {table.begin: 0}
        self.parents = array("q", [-1])
        self.by = array("b", [-1])
        self.ahead = array("q")
        self.transitions = 0
        self.cut = False
        self.last: list[int] = []

    def go(self) -> Broken | None:
        """Search until something is broken or nothing, or too much, is left."""
        order, number_of, most, table = self.order, self.numbers.get, self.most, self.table
        found, parent, by = order.append, self.parents.append, self.by.append
        threads = [(n, PLACE_BITS * n, known.get) for n, known in enumerate(table.changes)]
        numbers, width = self.numbers, table.width
        for number, state in enumerate(order):
            ahead = REST
            shared = state >> width << PLACE_BITS
            for thread, shift, known in threads:
                change = known(shared | state >> shift & PLACE, UNKNOWN)
                if change is UNKNOWN:
                    learnt = table.change(thread, state)
                    if isinstance(learnt, Broken):
                        self.last = [number, thread]
                        return learnt
                    change = learnt
                if change is None:
                    continue
                self.transitions += 1
                new = state + change
                there = number_of(new)
                if there is None:
                    numbers[new] = there = len(order)
                    found(new)
                    parent(number)
                    by(thread)
                if there > ahead:  # noqa: PLR1730 - a call less for each transition
                    ahead = there
            self.ahead.append(ahead)
            if ahead == REST and (broken := table.rest(state)):
                self.last = [number]
                return broken
            if len(order) > most:
                self.cut = True
                return None
            if not number % EVERY:
                self.progress(self.so_far())
        return None

    def endless_way(self) -> list[int]:
        """The shortest way to where no schedule ends, and once round from there; empty: none."""
        lost = without_end(self.ahead, lambda number: list(self.after(number).values()))
        if not lost:
            return []
        self.last = [lost[0]]
        return self.way() + from_here_on(lost[0], self.after, self.taken)

    def after(self, number: int) -> dict[int, int]:
        """The states that can follow one, by the thread that takes the step."""
        state = self.order[number]
        changes = [(n, self.table.change(n, state)) for n in range(self.table.count)]
        return {
            thread: self.numbers[state + change]
            for thread, change in changes
            if isinstance(change, int)
        }

    def taken(self, number: int, thread: int) -> list[int]:
        """The thread, once for each step that it takes from a state on."""
        return [thread] * self.table.steps(thread, self.order[number])

    def so_far(self) -> Exhausted:
        """What was gone through."""
        return Exhausted(len(self.order), self.transitions)

    def way(self) -> list[int]:
        """The threads whose steps lead to what was broken, in order."""
        number, *threads = self.last
        parts = [threads]
        while (before := self.parents[number]) >= 0:
            parts.append(self.taken(before, self.by[number]))
            number = before
        parts.append(self.table.prologue)
        return [thread for part in reversed(parts) for thread in part]
