"""Whether a reference implementation allows what was seen of the real mechanism.

Decides by keeping all states in which the reference may be: what was seen cuts that set down, and when
nothing is left, the two disagree. Between two notes of a thread the reference's thread may take any
steps, and so may every other thread that is in an operation: only what was seen is held against it.
So a real run that the reference can follow in any way is never a disagreement; this is inclusion of
traces (Lynch and Vaandrager, "Forward and Backward Simulations", 1995) by subset construction.

What a thread read is no exact moment: it lies between the note before it and the one that tells it. So
each state remembers which of the values that threads are about to tell were right at some moment since.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from stressor.mechanisms.finding import Broken
from stressor.mechanisms.running import Makes
from stressor.mechanisms.stepping import ENDED, Stepping

END = ""
"""The place of a thread that has come to its end."""
MOST_STATES = 200_000
"""States between two notes after which the monitor gives up."""
LEARNT = 20_000
"""States that are gone through before the first round, so that rounds do not have to compute them."""

type Holds = Callable[[Any, str, int], bool]  # the probe's own kind of model
type Released = Mapping[int, frozenset[int]]
type State = tuple[int, tuple[int, ...], int]  # shared, places, which of the told values were right

ANYWHERE: frozenset[int] = frozenset()
"""For services, which do not rest."""


@frozen
class Seen:
    """What a note means: the thread is about to take one of these steps (END: it has ended).

    With `rests` it takes none until its next note: it is not in the mechanism. A thread that comes to a
    step of a resting note stops there in any case, so such a step is one that no thread takes without a
    note before it. With `holds(model,
    thread, value)` the value that the note tells was right at some moment since the note before it.
    """

    at: tuple[str, ...]
    rests: bool = False
    holds: Holds | None = None


@frozen
class Note:
    """What one thread of the reference was seen to do."""

    thread: str
    what: str
    value: int = 0


@frozen
class Disagreement:
    """The note that the reference does not allow, and where it could be before it."""

    number: int
    notes: Sequence[Note]
    places: Mapping[str, Sequence[str]]
    states: int


class TooWideError(Exception):
    """The reference may be in more states than are looked at: nothing can be said of this round."""


@frozen
class _Telling:
    """A value that a thread is about to tell, and the bit of those states in which it was right."""

    thread: int
    value: int
    holds: Holds
    known: dict[int, bool] = field(factory=dict)  # by shared state


class Monitor:
    """Follows notes along the reference. `sees` says what each note means. For one thread's use."""

    def __init__(self, makes: Makes, sees: Mapping[str, Seen]) -> None:
        self._stepping = Stepping(makes)
        self._sees = sees
        self._names = self._stepping.names
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._services = frozenset(range(self._stepping.lasting, len(self._names)))
        self._resting = {at for seen in sees.values() if seen.rests for at in seen.at}
        self._after: dict[tuple[int, int, int], tuple[int, int] | None] = {}
        self._learn()

    def follow(self, notes: Sequence[Note]) -> Disagreement | None:
        """The first note that the reference does not allow. Raises `TooWideError`, `KeyError`."""
        shared, *places = self._stepping.begin
        states: set[State] = {(shared, tuple(places), 0)}
        released: dict[int, frozenset[int]] = dict.fromkeys(self._services, ANYWHERE)
        telling, ahead = self._tellings(notes)
        for number, note in enumerate(notes):
            thread, seen = self._numbers[note.thread], self._sees[note.what]
            before, states = states, self._come_to(states, thread, seen, released, telling)
            if not states:
                return self._disagreement(number, notes, before)
            if telling.pop(thread, None) is not None:
                states = {(s, p, right & ~(1 << thread)) for s, p, right in states}
            released.pop(thread, None)
            if not seen.rests:
                released[thread] = frozenset(state[1][thread] for state in states)
            if (told := ahead[number]) is not None:
                telling[thread] = told
        return None

    def _come_to(
        self,
        states: set[State],
        thread: int,
        seen: Seen,
        released: Released,
        telling: Mapping[int, _Telling],
    ) -> set[State]:
        """All states in which the note is right, but for those that other threads' steps lead to.

        Those steps can as well be taken after it, so they are left for later: else most of the work
        would be done again at each note. But where the thread stood before, it may still be about to
        go round and come back, and what it does then may need the steps of others.
        """
        waits = thread not in released and seen.holds is None
        right = 1 << thread if seen.holds is not None else 0
        alone = {thread: released[thread]} if thread in released else {}
        kept: set[State] = set()
        order = [self._told(state, telling) for state in states]
        found = set(order)
        for state in order:
            movers: Released = {} if waits else released
            if self._name(thread, state[1][thread]) in seen.at and state[2] & right == right:
                kept.add(state)
                if state[1][thread] not in alone.get(thread, ANYWHERE):
                    movers = alone
            for after in self._steps(state, movers):
                told = self._told(after, telling)
                if told not in found:
                    found.add(told)
                    order.append(told)
            if len(order) > MOST_STATES:
                raise TooWideError
        return kept

    def _tellings(self, notes: Sequence[Note]) -> tuple[dict[int, _Telling], list[_Telling | None]]:
        """The values that threads' first notes tell; for each note, what its thread's next one tells."""
        found: list[_Telling | None] = [None] * len(notes)
        coming: dict[str, _Telling | None] = {}
        for number in range(len(notes) - 1, -1, -1):
            note = notes[number]
            found[number] = coming.get(note.thread)
            holds = self._sees[note.what].holds
            thread = self._numbers[note.thread]
            coming[note.thread] = holds and _Telling(thread, note.value, holds)
        return {told.thread: told for told in coming.values() if told is not None}, found

    def _told(self, state: State, telling: Mapping[int, _Telling]) -> State:
        """The state, with what is right in it remembered."""
        shared, places, right = state
        for thread, told in telling.items():
            if not right >> thread & 1 and self._is_right(told, shared):
                right |= 1 << thread
        return shared, places, right

    def _is_right(self, told: _Telling, shared: int) -> bool:
        if shared not in told.known:
            model = self._stepping.showing(shared)
            told.known[shared] = told.holds(model, self._names[told.thread], told.value)
        return told.known[shared]

    def _steps(self, state: State, released: Released) -> Iterator[State]:
        """What the steps of these threads lead to. At a resting place only its note lets one go on."""
        shared, places, right = state
        for thread, from_here in released.items():
            at = places[thread]
            if at == ENDED or (self._rests(thread, at) and at not in from_here):
                continue
            after = self._step(thread, shared, at)
            if after is not None:
                yield after[0], (*places[:thread], after[1], *places[thread + 1 :]), right

    def _rests(self, thread: int, at: int) -> bool:
        return thread not in self._services and self._name(thread, at) in self._resting

    def _name(self, thread: int, at: int) -> str:
        return self._stepping.step_name(thread, at)

    def _step(self, thread: int, shared: int, at: int) -> tuple[int, int] | None:
        key = thread, shared, at
        if key not in self._after:
            after = self._stepping.step(thread, shared, at)
            # What breaks an invariant of the reference is not allowed by it.
            self._after[key] = None if isinstance(after, Broken) else after
        return self._after[key]

    def _learn(self) -> None:
        """Take the steps that most rounds will meet; forked children inherit them."""
        shared, *places = self._stepping.begin
        order: list[State] = [(shared, tuple(places), 0)]
        found = set(order)
        for state in order:
            for thread, at in enumerate(state[1]):
                after = self._step(thread, state[0], at) if at != ENDED else None
                if after is None:
                    continue
                new = (after[0], (*state[1][:thread], after[1], *state[1][thread + 1 :]), 0)
                if new not in found:
                    found.add(new)
                    order.append(new)
            if len(order) > LEARNT:
                return

    def _disagreement(self, number: int, notes: Sequence[Note], states: set[State]) -> Disagreement:
        places = {
            name: sorted({self._stepping.step_name(n, state[1][n]) for state in states})
            for n, name in enumerate(self._names)
        }
        return Disagreement(number, notes, places, len(states))
