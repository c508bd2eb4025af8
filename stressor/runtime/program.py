"""The plan's program as steps that a worker can make: functions found, arguments drawn.

Decides which rounds share argument objects. An operation may change an argument it was given, and
the next round must not see that; drawing again costs up to a millisecond a call, so only programs
with an argument that can be changed pay for it.
"""

from collections.abc import Callable, Iterable, Iterator

from attrs import frozen

from stressor.model.plan import Call, Plan
from stressor.targets import Harness, Operation
from stressor.targets.literals import written

_ATOMS = frozenset({int, str, bytes, float, complex, bool, type(None), type(...)})


@frozen
class Step:
    """One operation call, ready to be made: its arguments exist before any thread starts."""

    operation: int  # its number in the harness
    function: Callable[..., object]
    arguments: dict[str, object]
    legal: tuple[type[BaseException], ...]


class Program:
    """All threads' `steps`, those of the first round.

    Raises `HarnessError` for an unknown operation or impossible arguments.
    """

    def __init__(self, harness: Harness, plan: Plan) -> None:
        self._operations = {each.name: number for number, each in enumerate(harness.operations)}
        self._harness = harness
        self._plan = plan
        self.steps = self._draw()
        self._reusable = all(
            is_plain(value)
            for steps in self.steps
            for step in steps
            if step.arguments
            for value in step.arguments.values()
        )

    def rounds(self) -> Iterator[list[list[Step]]]:
        """Steps of each thread, round by round, `Plan.rounds` times."""
        for number in range(self._plan.rounds):
            yield self.steps if self._reusable or number == 0 else self._draw()

    def _draw(self) -> list[list[Step]]:
        return [self._steps(calls) for calls in self._plan.program]

    def _steps(self, calls: Iterable[Call]) -> list[Step]:
        """Steps of one thread. Threads share none: counting references to it would order them."""
        ready: dict[str, Step] = {}  # of operations without arguments
        return [ready.get(call.op) or self._step(call, ready) for call in calls]

    def _step(self, call: Call, ready: dict[str, Step]) -> Step:
        operation = self._harness.operation(call.op)
        step = Step(
            self._operations[call.op],
            operation.function,
            operation.arguments_of(call),
            operation.legal,
        )
        if not operation.has_arguments:
            ready[call.op] = step
        return step


def texts(harness: Harness, plan: Plan) -> list[list[str]]:
    """Return every call as text, "put(item=3)". Raises like `Program`."""
    return [[_text(harness.operation(call.op), call) for call in calls] for calls in plan.program]


def _text(operation: Operation, call: Call) -> str:
    return operation.shown(operation.arguments_of(call))


def literals(harness: Harness, plan: Plan) -> list[list[str]]:
    """Return every call's arguments as `Call.given`, "" of a call that has an argument that no
    literal gives. Raises like `Program`.
    """
    return [
        [written(harness.operation(call.op).arguments_of(call)) for call in calls]
        for calls in plan.program
    ]


def is_plain(value: object) -> bool:
    """Whether nobody can change `value`, however deep. Exact types: a subclass may do anything."""
    kind = type(value)
    if kind is tuple or kind is frozenset:
        return all(map(is_plain, value))  # type: ignore[call-overload]  # either is iterable
    return kind in _ATOMS
