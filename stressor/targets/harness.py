"""The harness: one runtime object for both formats, built from what was imported.

Decides which attributes of a class or module are operations and what is missing. Finding and
importing the target is `loading`'s business, drawing arguments is `arguments`'. Exceptions of the
target's own functions pass through untouched: what they mean is for the oracles.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType

from attrs import evolve, field, frozen

from stressor.model.plan import Call
from stressor.targets.calltext import call_text
from stressor.targets.definition import Declaration, Target, declaration
from stressor.targets.errors import HarnessError
from stressor.targets.literals import read

TWO_WAYS = (
    "Give it a class derived from stressor.targets.Target, or SETUP() and OPS; "
    "`pydoc stressor.targets` shows both"
)


@frozen
class OperationInfo:
    """What the parent has to know of an operation to write programs."""

    name: str
    has_arguments: bool = False
    weight: float = 1.0


@frozen
class Operation:
    """One operation: `call(state, arguments(entropy))`."""

    name: str
    function: Callable[..., object]
    legal: tuple[type[BaseException], ...] = ()
    weight: float = 1.0
    draw: Callable[[str], dict[str, object]] | None = None

    @property
    def has_arguments(self) -> bool:
        """Whether calls of it need entropy."""
        return self.draw is not None

    @property
    def info(self) -> OperationInfo:
        """What the parent is told of it."""
        return OperationInfo(self.name, self.has_arguments, self.weight)

    def arguments(self, entropy: str) -> dict[str, object]:
        """Make new arguments from hexadecimal entropy: the same every time, {} when it takes none.

        Raises:
            HarnessError: the strategies raised, or rejected all that was made of the entropy.
        """
        return {} if self.draw is None else self.draw(entropy)

    def arguments_of(self, call: Call) -> dict[str, object]:
        """Make new arguments of a plan's call: those it gives, or else those its entropy makes.

        Raises:
            HarnessError: see `arguments`; or what is given is no dict of literals, or does not fit.
        """
        if not call.given:
            return self.arguments(call.entropy)
        try:
            given = read(call.given)
            inspect.signature(self.function).bind(None, **given)
        except (TypeError, ValueError) as error:
            raise HarnessError(f"{self.name}: the arguments {call.given[:200]}: {error}.") from None
        return given

    def call(self, state: object, arguments: Mapping[str, object]) -> object:
        """Carry it out once; whatever the target raises comes through."""
        return self.function(state, **arguments)

    def shown(self, arguments: Mapping[str, object]) -> str:
        """Return the call's text, at most 200 characters."""
        return call_text(self.name, arguments)


@frozen
class Harness:
    """A loaded target. `modules` are paths of the extension modules that are its own.

    With `prepare` the state is made for the operations that a plan calls, by their names, instead of
    by `setup`. What is not `rehearsed` was not run alone before: whoever makes plans has to see to that.
    """

    name: str
    operations: tuple[Operation, ...]
    setup: Callable[[], object]
    check: Callable[[object], object] = lambda state: None
    teardown: Callable[[object], object] = lambda state: None
    modules: tuple[str, ...] = field(default=())
    prepare: Callable[[Collection[str]], object] | None = None
    rehearsed: bool = True

    def narrowed(self, program: Iterable[Iterable[Call]]) -> Harness:
        """Leave of a suite what a program calls: each operation that a trial knows costs it a site."""
        if self.prepare is None:
            return self
        names = {call.op for calls in program for call in calls}
        return evolve(self, operations=tuple(op for op in self.operations if op.name in names))

    def state_for(self, program: Iterable[Iterable[Call]]) -> object:
        """Make the state of a round of this program; whatever the target raises comes through."""
        if self.prepare is None:
            return self.setup()
        return self.prepare({call.op for calls in program for call in calls})

    def operation(self, name: str) -> Operation:
        """Return the operation of that name.

        Raises:
            HarnessError: there is none, as when a saved program is older than the harness.
        """
        for each in self.operations:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.operations)
        raise HarnessError(f"{self.name} has no operation {name!r}; it has: {known}.")


def from_class(name: str, kind: type) -> Harness:
    """Make the harness of a `Target` class; `kind` need not derive from it, if it has its methods.

    Raises:
        HarnessError: it has no setup or no operations, or cannot be instantiated.
    """
    if getattr(kind, "setup", Target.setup) is Target.setup:
        raise HarnessError(
            f"{name}: {kind.__name__} has no setup(self). It makes and returns the state that the "
            "operations share."
        )
    declared = _declared(kind)
    if not declared:
        raise HarnessError(
            f"{name}: {kind.__name__} has no operations. Mark the methods that threads shall call "
            "with @operation (from stressor.targets import operation)."
        )
    target = kind()
    return Harness(
        name=name,
        operations=tuple(
            _operation(each, getattr(target, each), said) for each, said in declared.items()
        ),
        setup=target.setup,
        check=getattr(target, "check", _nothing),
        teardown=getattr(target, "teardown", _nothing),
    )


def from_quick(name: str, module: ModuleType) -> Harness:
    """Make the harness of a module with SETUP, OPS and perhaps CHECK.

    Raises:
        HarnessError: one of them is missing or of the wrong kind.
    """
    setup = getattr(module, "SETUP", None)
    if not callable(setup):
        raise HarnessError(f"{name}: there is OPS but no SETUP() that returns the shared state.")
    check = getattr(module, "CHECK", _nothing)
    if not callable(check):
        raise HarnessError(f"{name}: CHECK is {check!r}; it must be a function of the state.")
    given = getattr(module, "OPS", None)
    if not isinstance(given, dict) or not given:
        raise HarnessError(
            f"{name}: OPS must be a dict of name to function of the state, with at least one."
        )
    for key, function in given.items():
        if not isinstance(key, str) or not key:
            raise HarnessError(f"{name}: OPS has the key {key!r}; operations are named by strings.")
        if not callable(function):
            raise HarnessError(f"{name}: OPS[{key!r}] is {function!r}, which cannot be called.")
    return Harness(
        name=name,
        operations=tuple(Operation(key, function) for key, function in given.items()),
        setup=setup,
        check=check,
    )


def _nothing(state: object) -> None:
    """Stand in for a check or teardown that was not given."""


def _declared(kind: type) -> dict[str, Declaration]:
    found: dict[str, Declaration] = {}
    # Bases first, so that programs do not change when a subclass adds an operation; one that is
    # overridden without the decorator is none any more.
    for base in reversed(kind.__mro__):
        for key, value in vars(base).items():
            said = declaration(value)
            if said is not None:
                found[key] = said
            else:
                found.pop(key, None)
    return found


def _operation(name: str, method: Callable[..., object], said: Declaration) -> Operation:
    draw = None
    if said.arguments:
        # Here, not above: a target without arguments must not load hypothesis into the child.
        from stressor.targets.arguments import Drawing  # noqa: PLC0415 - see above

        draw = Drawing(name, said.arguments).draw
    return Operation(name, method, said.raises, said.weight, draw)
