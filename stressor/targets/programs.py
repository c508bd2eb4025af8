"""Programs from a seed: what every thread does in one trial. Pure, and used by the parent.

Uniform draws alone rarely bring the right two operations together in a short program. The shapes
are those by which races are usually found by hand: everybody the same, one pair, one writer against
readers, all threads in step. A small pool of entropies is shared by all threads, because two calls
collide when they speak of the same key.
"""

from collections.abc import Callable, Sequence
from random import Random

from stressor.model.plan import Call
from stressor.targets.harness import OperationInfo

ENTROPY_SIZES = (1, 1, 2, 4, 8, 16, 32)
"""Bytes; short ones give simple arguments."""

type Program = tuple[tuple[Call, ...], ...]
type Shape = Callable[["_Draw"], Program]


def generate(operations: Sequence[OperationInfo], threads: int, calls: int, seed: int) -> Program:
    """Return `calls` calls for each of `threads` threads; the same for the same arguments.

    Raises:
        ValueError: no operations, or a number below one.
    """
    if not operations or threads < 1 or calls < 1:
        raise ValueError(f"no program of {len(operations)} operations, {threads} x {calls} calls")
    draw = _Draw(operations, threads, calls, Random(seed))
    shape: Shape = draw.random.choice(_SHAPES)
    return shape(draw)


class _Draw:
    """One program being drawn."""

    def __init__(
        self, operations: Sequence[OperationInfo], threads: int, calls: int, random: Random
    ) -> None:
        self.operations = operations
        self.threads = threads
        self.calls = calls
        self.random = random
        sizes = random.choices(ENTROPY_SIZES, k=random.randint(1, 3))
        self._pool = [random.randbytes(size).hex() for size in sizes]
        self._pooled = random.choice((0.0, 0.5, 1.0))

    def some(self) -> OperationInfo:
        """One operation, by weight."""
        weights = [each.weight for each in self.operations]
        return self.random.choices(self.operations, weights)[0]

    def call(self, operation: OperationInfo) -> Call:
        """A call of it, with entropy of the pool or of its own."""
        if not operation.has_arguments:
            return Call(operation.name)
        if self.random.random() < self._pooled:
            return Call(operation.name, self.random.choice(self._pool))
        size = self.random.choice(ENTROPY_SIZES)
        return Call(operation.name, self.random.randbytes(size).hex())

    def thread(self, choices: Sequence[OperationInfo]) -> tuple[Call, ...]:
        """One thread's calls, each of one of `choices`."""
        return tuple(self.call(self.random.choice(choices)) for _ in range(self.calls))


def _uniform(draw: _Draw) -> Program:
    """Every call drawn by itself."""
    return tuple(
        tuple(draw.call(draw.some()) for _ in range(draw.calls)) for _ in range(draw.threads)
    )


def _same(draw: _Draw) -> Program:
    """Every thread the same operation."""
    only = draw.some()
    return tuple(draw.thread([only]) for _ in range(draw.threads))


def _pair(draw: _Draw) -> Program:
    """Two operations, half of the threads each."""
    pair = (draw.some(), draw.some())
    return tuple(draw.thread([pair[number % 2]]) for number in range(draw.threads))


def _mixed_pair(draw: _Draw) -> Program:
    """Two operations, mixed in every thread."""
    pair = (draw.some(), draw.some())
    return tuple(draw.thread(pair) for _ in range(draw.threads))


def _one_against_all(draw: _Draw) -> Program:
    """One thread one operation, all others another: a writer and its readers."""
    writer, reader = draw.some(), draw.some()
    chosen = draw.random.randrange(draw.threads)
    return tuple(
        draw.thread([writer if number == chosen else reader]) for number in range(draw.threads)
    )


def _in_step(draw: _Draw) -> Program:
    """Every thread the very same calls, arguments included."""
    calls = tuple(draw.call(draw.some()) for _ in range(draw.calls))
    return (calls,) * draw.threads


_SHAPES: tuple[Shape, ...] = (
    _uniform,
    _uniform,
    _same,
    _pair,
    _mixed_pair,
    _one_against_all,
    _in_step,
)
