"""Values of a model's state, and of what a thread has in its hands between two steps.

A generator cannot be copied, so the exhaustive search never copies one: it takes the state apart
here, puts an earlier one back, and lets a fresh generator do its own steps again. For that a thread
may keep nothing but values in its local variables; what can change belongs on `self`.
"""

import dis
import gc
from collections.abc import Callable, Hashable
from functools import cache
from types import CodeType, FrameType
from typing import Any

from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps

type Frozen = tuple[Hashable, ...]

_PLAIN = frozenset({str, int, bool, type(None), CodeType})
"""Most of what a frame holds: no iterator, and its own hash will do."""

_THAW: dict[type, Callable[[Any], Any]] = {list: list, dict: dict, set: set}
_FREEZE: dict[type, Callable[[Any], Hashable]] = {
    list: tuple,
    dict: lambda value: tuple(value.items()),
    set: frozenset,
}


class Shelf:
    """Takes the state of one model apart and puts it back; fields are those that `setup` made."""

    def __init__(self, model: Mechanism) -> None:
        self._model = model
        self.fields = tuple(vars(model))
        self._kinds = tuple(type(value) for value in vars(model).values())
        self._mutable = tuple(
            (number, name, _FREEZE[kind], _THAW[kind])
            for number, (name, kind) in enumerate(zip(self.fields, self._kinds, strict=True))
            if kind in _THAW
        )

    def take(self) -> Frozen:
        """The state as a value. Raises `FaultyModelError` where it is not made of values."""
        state = vars(self._model)
        if len(state) != len(self.fields):
            raise FaultyModelError(
                f"a step made the field {list(state)[-1]!r}: setup() has to make them all"
            )
        values = list(state.values())
        for number, name, freeze, thaw in self._mutable:
            if type(values[number]) is not thaw:
                raise FaultyModelError(f"the field {name!r} changed its type")
            values[number] = freeze(values[number])
        frozen = tuple(values)
        try:
            hash(frozen)
        except TypeError:
            raise FaultyModelError(self._unhashable(frozen)) from None
        return frozen

    def put(self, frozen: Frozen) -> None:
        """Make the model's state this one."""
        state = vars(self._model)
        state.update(zip(self.fields, frozen, strict=True))
        for _, name, _, thaw in self._mutable:
            state[name] = thaw(state[name])

    def _unhashable(self, frozen: Frozen) -> str:
        for name, value in zip(self.fields, frozen, strict=True):
            try:
                hash(value)
            except TypeError:
                return (
                    f"the field {name!r} holds something that can be changed in place, or became"
                    " such: use numbers, strings and tuples within a list, dict or set"
                )
        return "the state is not made of values"


def shown(model: Mechanism) -> dict[str, str]:
    """The state as text, for people."""
    return {name: repr(value) for name, value in vars(model).items()}


def place(thread: Steps[Any], at: str | Step) -> Hashable:
    """Where a generator is and all that it has in its hands: equal places go on alike."""
    found: list[Hashable] = [at if isinstance(at, str) else at.name]
    generator: Any = thread
    while generator is not None:
        frame: FrameType = generator.gi_frame
        found.append(frame.f_code)
        found.append(frame.f_lasti)
        for name, value in frame.f_locals.items():
            found.append(name)
            found.append(value if type(value) in _PLAIN else _held(name, value))
        if _loops(frame.f_code):
            # The iterator of a for loop is on the frame's stack, which f_locals does not show.
            for each in gc.get_referents(generator):
                if type(each) not in _PLAIN and _is_iterator(each):
                    found.append(_position(each))
        generator = generator.gi_yieldfrom
    return tuple(found)


@cache
def _loops(code: CodeType) -> bool:
    return any(each.opname == "FOR_ITER" for each in dis.get_instructions(code))


def _is_iterator(value: object) -> bool:
    return hasattr(value, "__next__") and not hasattr(value, "gi_frame")


def _position(iterator: Any) -> Hashable:  # noqa: ANN401 - any iterator that can be pickled
    """How far an iterator has come: what it would take to make it again."""
    try:
        position = tuple(
            _position(each)
            if _is_iterator(each)
            else tuple(map(_position, each))
            if type(each) is tuple and any(map(_is_iterator, each))
            else tuple(each)
            if type(each) in (list, tuple)
            else each
            for each in iterator.__reduce__()
        )
        hash(position)
    except TypeError:
        raise FaultyModelError(
            f"a loop over a {type(iterator).__name__} has a yield in it: loop over a range or a tuple"
        ) from None
    return position


def _held(name: str, value: object) -> Hashable:
    if isinstance(value, Mechanism):
        return "self"
    try:
        if hasattr(value, "__next__"):
            raise TypeError  # hashed by identity, and nobody can say how far it has come
        hash(value)
    except TypeError:
        raise FaultyModelError(
            f"a {type(value).__name__} is kept in the variable {name!r} across a step: what can"
            " change belongs on self"
        ) from None
    # Cells and lambdas are hashed by identity, which no second generator would ever have.
    return value if not callable(value) else getattr(value, "__qualname__", name)
