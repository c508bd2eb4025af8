"""What a mechanism is written on: its state, its threads, its invariants and its defects.

State is what `setup` puts on `self`: numbers, strings, tuples, frozensets, or a list, dict or set
of those. Threads are generators. ``yield "CAS 0 -> 1"`` names what follows it up to the next yield,
which is one atomic step; `Step` can also say what the step waits for. How steps are interleaved is
decided elsewhere: a model contains no chance, no clock and no lock of its own.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, ClassVar

from attrs import frozen

from stressor.errors import UsageError


class Status(Enum):
    """What became of a mechanism: CPython has it, had it, has it with a GIL only, or never had it."""

    CURRENT = "current"
    OLD = "old"
    GIL_ONLY = "gil-only"
    MODEL = "model"


class Step:
    """One atomic step: its name and, where it may have to wait, what for.

    `until` is true when the step can be taken; it only reads. `on` names what the step touches, for
    schedulers that tell racing steps from others (everything by default). `gives_way` is for a step
    of a spinning loop: all other threads that can go on go first.
    """

    __slots__ = ("gives_way", "name", "on", "until")

    def __init__(
        self,
        name: str,
        until: Callable[[], object] | None = None,
        on: str = "",
        gives_way: bool = False,
    ) -> None:
        self.name = name
        self.until = until
        self.on = on
        self.gives_way = gives_way


type Steps[T = None] = Generator[str | Step, None, T]


class FaultyModelError(UsageError):
    """A model broke the rules of models. Says nothing about the mechanism that it describes."""


class Violated(Exception):
    """A step did what an invariant forbids; raised by `Mechanism.require` only."""

    def __init__(self, broken: str, says: str) -> None:
        super().__init__(broken, says)
        self.broken = broken
        self.says = says


@frozen
class Invariant:
    """`key` is the catalogue's ("I1", "L2"); `says` what holds; at quiescence only, if `at_end`."""

    key: str
    says: str
    at_end: bool
    holds: Callable[[Any], bool]


_DECLARED: dict[Callable[..., bool], Invariant] = {}


def safety[F: Callable[..., bool]](key: str, says: str) -> Callable[[F], F]:
    """A method that holds after every step. It only reads the state, and it is asked often."""
    return _declaring(key, says, at_end=False)


def liveness[F: Callable[..., bool]](key: str, says: str) -> Callable[[F], F]:
    """A method that holds when no thread can go on: what was queued has been dealt with."""
    return _declaring(key, says, at_end=True)


def _declaring[F: Callable[..., bool]](key: str, says: str, *, at_end: bool) -> Callable[[F], F]:
    def declare(method: F) -> F:
        _DECLARED[method] = Invariant(key, says, at_end, method)
        return method

    return declare


class Mechanism:
    """One mechanism; its docstring tells it in a paragraph, and what was simplified.

    `name` is the catalogue's in lower case. `defects` are switchable wrongs, each in one sentence;
    the code asks `self.has(name)` at the place. `sizes` are the numbers a user may change, with the
    values for which the correct version is proved. `stuck` is the liveness invariant that a thread
    breaks by waiting for ever.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    status: ClassVar[Status] = Status.MODEL
    sources: ClassVar[tuple[str, ...]] = ()
    defects: ClassVar[dict[str, str]] = {}
    sizes: ClassVar[dict[str, int]] = {}
    stuck: ClassVar[tuple[str, str]] = ("L1", "no thread waits for ever")
    invariants: ClassVar[tuple[Invariant, ...]] = ()

    __slots__ = ("__dict__", "_has", "defect", "numbers", "suspensions")

    def __init_subclass__(cls) -> None:
        found = {}
        for each in reversed(cls.__mro__):
            for name, method in vars(each).items():
                if callable(method) and method in _DECLARED:
                    found[name] = _DECLARED[method]
        cls.invariants = tuple(found.values())

    def __init__(self, defect: str = "", **numbers: int) -> None:
        """The model with one defect, or none. Names are checked by `registry.build`."""
        self.defect = defect
        self.numbers = {**self.sizes, **numbers}
        self._has = {each: each == defect for each in self.defects}
        self.suspensions: list[str] = []
        self.setup()

    def setup(self) -> None:
        """Put the whole state on `self`, as it is before any thread has run."""
        raise NotImplementedError

    def threads(self) -> dict[str, Steps]:
        """The threads by name; each has to come to its end. Sizes are in `self.numbers`."""
        raise NotImplementedError

    def services(self) -> dict[str, Steps]:
        """Further threads that may wait for ever: a clock, a committer, a store buffer."""
        return {}

    def has(self, defect: str) -> bool:
        """Whether this defect is switched on. Raises `FaultyModelError` when there is none such."""
        try:
            return self._has[defect]
        except KeyError:
            raise FaultyModelError(
                f"{type(self).__name__} asks for defect {defect!r}, which it does not declare."
            ) from None

    def require(self, holds: bool, key: str, says: str) -> None:
        """Within a step: what must hold right now, for what the state alone cannot show."""
        if not holds and key not in self.suspensions:
            raise Violated(key, says)

    @contextmanager
    def suspended(self, key: str) -> Iterator[None]:
        """Within one step, which this may not outlast: the invariant is not required."""
        self.suspensions.append(key)
        yield
        self.suspensions.remove(key)
