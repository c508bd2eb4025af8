"""One step of one thread, as a function: from a shared state and a place to what the step makes of them.

Generators cannot be copied. So a thread's place remembers the shared states that the thread met on one
way to it, and a new generator that meets them again comes to the same place; that it does is checked.
Generators that were left at a place are kept for its next step, so going back is the exception.
"""

import gc
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from attrs import define, field

from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps, Violated
from stressor.mechanisms.finding import Broken, Taken
from stressor.mechanisms.running import Crew, Makes, at_rest
from stressor.mechanisms.state import Frozen, Shelf, place

PLACE_BITS = 12
PLACES = 1 << PLACE_BITS
ENDED = 0
"""The place of a thread that has ended."""
SPARE = 64
"""Generators kept at one place."""

type Next = str | Step


@define
class _Place:
    """A place of one thread: how it was come to, and generators that stand there."""

    key: Hashable
    name: str
    before: int  # the place before, and the shared state that the step to here met; -1: the start
    met: int
    spare: list[tuple[Steps, Next]] = field(factory=list)
    at: Next = ""
    watched: bool = False  # whether it is known if the step touches anything shared


@contextmanager
def paused_collector() -> Iterator[None]:
    """A search makes millions of values and no cycles; looking for those would take most of its time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Stepping:
    """All that is known of one model's steps. Shared states and places are numbers."""

    def __init__(self, makes: Makes) -> None:
        self.model = makes()
        self._shelf = Shelf(self.model)
        self._watch = _Watch(self.model, frozenset(self._shelf.fields))
        self._checks = [each for each in self.model.invariants if not each.at_end]
        self._numbers: dict[Frozen, int] = {}
        self._states: list[Frozen] = []
        self._broken: list[Broken | None] = []  # by shared state
        self._known: list[dict[Hashable, int]] = []
        self._places: list[list[_Place]] = []
        self._alone: dict[tuple[int, int], int] = {}
        crew = Crew(self.model)
        self.names, self.lasting = crew.names, crew.lasting
        self.begin = (self._intern(), *self._line_up(crew))

    def _line_up(self, crew: Crew) -> list[int]:
        self._known = [{} for _ in crew.names]
        self._places = [[_Place(None, "", -1, -1)] for _ in crew.names]
        return [
            ENDED if at is None else self._start(thread, generator, at)
            for thread, (generator, at) in enumerate(zip(crew.generators, crew.at, strict=True))
        ]

    def _start(self, thread: int, generator: Steps, at: Next) -> int:
        try:
            return self._arrive(thread, generator, at, -1, -1)
        except FaultyModelError as error:
            raise self._fault(thread, self._places[thread][ENDED], error.message) from None

    def step(self, thread: int, shared: int, at: int) -> tuple[int, int] | Broken | None:
        """The shared state and the place after it; what it breaks; None when it has to wait."""
        here = self._places[thread][at]
        generator, step = here.spare.pop() if here.spare else self._again(thread, at)
        self._shelf.put(self._states[shared])
        if isinstance(step, Step) and step.until is not None and not step.until():
            here.spare.append((generator, step))
            return None
        watched, here.watched = here.watched, True
        try:
            following = next(generator, None) if watched else self._watched(generator)
        except Violated as violated:
            return Broken(violated.broken, violated.says)
        except Exception as error:
            raise self._fault(thread, here, f"{type(error).__name__}: {error}") from error
        if self.model.suspensions:
            problem = f"a yield while {self.model.suspensions[-1]} was suspended"
            raise self._fault(thread, here, problem)
        try:
            after = self._intern()
            if (broken := self._broken[after]) is not None:
                return broken
            then = ENDED
            if following is not None:
                then = self._arrive(thread, generator, following, at, shared)
        except FaultyModelError as error:
            raise self._fault(thread, here, error.message) from None
        if not watched and not self._watch.touched:
            self._alone[thread, at] = then
        return after, then

    def alone(self, thread: int, shared: int, at: int) -> int | None:
        """The place after a step that touches nothing shared; None where it does, or may wait.

        To have seen once that it touches nothing is proof: what it does depends on nothing else.
        """
        here = self._places[thread][at]
        if at != ENDED and not here.watched and isinstance(here.at, str):
            self.step(thread, shared, at)
        return self._alone.get((thread, at))

    def at(self, thread: int, at: int) -> Next:
        """The step that is taken from a place; nothing of it but `until` changes from run to run."""
        return self._places[thread][at].at

    def rest(self, shared: int, places: Sequence[int]) -> Broken | None:
        """What is broken when no thread can go on."""
        self._shelf.put(self._states[shared])
        waiting = tuple(
            Taken(self.names[thread], self._places[thread][places[thread]].name)
            for thread in range(self.lasting)
            if places[thread] != ENDED
        )
        return at_rest(self.model, waiting)

    def step_name(self, thread: int, at: int) -> str:
        """The step that a thread takes next at a place; empty when it has ended."""
        return self._places[thread][at].name

    def showing(self, shared: int) -> Mechanism:
        """The model, put into a shared state, to be read until the next call."""
        self._shelf.put(self._states[shared])
        return self.model

    def _watched(self, generator: Steps) -> Next | None:
        with self._watch.watching():
            return next(generator, None)

    def _intern(self) -> int:
        """The number of the model's present state; a new one is asked for its invariants."""
        frozen = self._shelf.take()
        number = self._numbers.setdefault(frozen, len(self._states))
        if number == len(self._states):
            self._states.append(frozen)
            broken = next((each for each in self._checks if not each.holds(self.model)), None)
            self._broken.append(Broken(broken.key, broken.says) if broken else None)
        return number

    def _arrive(self, thread: int, generator: Steps, at: Next, before: int, met: int) -> int:
        """The number of the place where a generator stands, which is kept for its next step."""
        key = place(generator, at)
        known, places = self._known[thread], self._places[thread]
        number = known.setdefault(key, len(places))
        if number == len(places):
            if number == PLACES:
                raise FaultyModelError(f"{self.names[thread]} has more than {PLACES - 1} places")
            name = at if isinstance(at, str) else at.name
            # What waits looks at something; what gives way is kept apart for `endless`.
            places.append(_Place(key, name, before, met, at=at, watched=not isinstance(at, str)))
        if len(places[number].spare) < SPARE:
            places[number].spare.append((generator, at))
        return number

    def _again(self, thread: int, at: int) -> tuple[Steps, Next]:
        """A new generator, brought to a place the way that was found first."""
        places = self._places[thread]
        way: list[int] = []
        here = places[at]
        while here.before >= 0:
            way.append(here.met)
            here = places[here.before]
        generator = {**self.model.threads(), **self.model.services()}[self.names[thread]]
        try:
            step = next(generator)
            for met in reversed(way):
                self._shelf.put(self._states[met])
                step = next(generator)
        except (StopIteration, Violated):
            raise self._fault(thread, places[at], _DIFFERS) from None
        if place(generator, step) != places[at].key:
            raise self._fault(thread, places[at], _DIFFERS)
        return generator, step

    def _fault(self, thread: int, here: _Place, problem: str) -> FaultyModelError:
        return FaultyModelError(
            f"the model {self.model.name} is faulty: {problem} ({self.names[thread]} in"
            f" {here.name!r}). This says nothing about the mechanism; mend the model."
        )


_DIFFERS = "the same steps on the same state went another way"


class _Watch:
    """Notes whether a model's fields are touched while `watching`."""

    def __init__(self, model: Mechanism, fields: frozenset[str]) -> None:
        self.touched = False
        self._model = model
        self._usual = type(model)
        watch = self

        class Watched(self._usual):  # type: ignore[name-defined,misc]  # a class made at run time
            __slots__ = ()

            def __getattribute__(self, name: str) -> object:
                if name in fields:
                    watch.touched = True
                return super().__getattribute__(name)

            def __setattr__(self, name: str, value: object) -> None:
                if name != "__class__":  # which is how watching ends
                    watch.touched = True
                super().__setattr__(name, value)

        self._watched = Watched

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.touched = False
        self._model.__class__ = self._watched
        try:
            yield
        finally:
            self._model.__class__ = self._usual
