"""Random mode over known steps: the same runs as `running` makes, without running the model again.

A step depends on nothing but the state (`table`), so a run can look up what it made the last time.
The schedulers are asked the same questions, so the same seed gives the same schedule either way, and
what a run breaks is told by a run of the model itself (`replay`). Worth it where states come again and
again, which small models see to; `Walking.run` says when a model turns out to be none of these.
"""

from stressor.mechanisms.base import Step
from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import (
    BEGIN,
    BLOCKED,
    ENDED,
    MOST_STEPS,
    NO_END,
    NUMBERS,
    VISIT,
    YIELD,
    Chooser,
    EndlessError,
    Makes,
    Ran,
    fair,
)
from stressor.mechanisms.table import Table

MOST_KNOWN = 20_000
"""States that are kept, each in about half a kilobyte; a model that has more is run itself."""

# Beside `VISIT` and `ENDED`, why a step may be the last one, or gives way to all others.
GIVES_WAY, BREAKS = 8, 9

type Way = tuple[int, int, int, int]
"""The state that a step leads to; what the thread takes next and what that touches; why it stops."""
NO_WAY: Way = (0, 0, 0, 0)


class TooManyError(Exception):
    """More states than are kept. What was chosen so far is to be forgotten."""


class Walking:
    """Runs of one model. What is known grows from run to run, and makes no difference to any."""

    def __init__(self, makes: Makes) -> None:
        self._table = Table(makes)
        self._known: dict[int, tuple[int, list[Way]]] = {}
        self._broken: dict[tuple[int, int], Broken] = {}
        begin = self._table.begin
        self._begin = [self._event(thread, begin) for thread in range(self._table.count)]

    def run(self, chooser: Chooser, most: int = MOST_STEPS) -> Ran:
        """As `running.run` of a new model. Raises `TooManyError` when it is better run itself."""
        schedule: list[int] = []
        arrive, choose, note = chooser.arrive, chooser.choose, schedule.append
        state, thread, why = self._table.begin, -1, BEGIN
        owed: dict[int, int] = {}
        for each, (site, on, gives_way) in enumerate(self._begin):
            arrive(each, site, on, 0)
            if gives_way:
                owed[each] = ~(1 << each)
        known = self._known.get
        for count in range(most):
            ready, ways = known(state) or self._learn(state)
            if owed:
                ready = fair(owed, ready, thread)
            if not ready:
                return Ran(schedule, self._table.rest(state))
            if why == VISIT and not ready >> thread & 1:
                why = YIELD if thread in owed else BLOCKED
            thread = choose(ready, count, thread, why)
            note(thread)
            before = state
            state, site, on, why = ways[thread]
            if why > ENDED:
                if why == BREAKS:
                    return Ran(schedule, self._broken[before, thread])
                owed[thread] = ~(1 << thread)
                why = VISIT
            arrive(thread, site, on, 0 if why == ENDED else count)
        raise EndlessError(NO_END.format(most))

    def _learn(self, state: int) -> tuple[int, list[Way]]:
        if len(self._known) >= MOST_KNOWN:
            raise TooManyError
        ready, ways = 0, []
        for thread in range(self._table.count):
            change = self._table.change(thread, state)
            if isinstance(change, Broken):
                self._broken[state, thread] = change
            way = NO_WAY if change is None else self._way(thread, state, change)
            ready |= (change is not None) << thread
            ways.append(way)
        self._known[state] = ready, ways
        return ready, ways

    def _way(self, thread: int, state: int, change: int | Broken) -> Way:
        if isinstance(change, Broken):
            return 0, 0, 0, BREAKS
        site, on, gives_way = self._event(thread, state + change)
        ended = not self._table.place(state + change, thread)
        return state + change, site, on, GIVES_WAY if gives_way else ENDED if ended else VISIT

    def _event(self, thread: int, state: int) -> tuple[int, int, bool]:
        """What a thread takes next (zeros at its end), what that touches, whether it gives way."""
        place = self._table.place(state, thread)
        if not place:
            return 0, 0, False
        at = self._table.stepping.at(thread, place)
        if isinstance(at, Step):
            return NUMBERS[at.name], NUMBERS[at.on], at.gives_way
        return NUMBERS[at], NUMBERS[""], False
