"""How a harness is written: the `Target` base class and the `@operation` decorator.

Decides what may be declared and refuses the rest while the harness is being imported, where the
message can name the line's operation. Strategies are kept as they are; only `arguments` draws from
them, and hypothesis is not imported here: a value can be one of its strategies only if somebody
else has imported it.
"""

import inspect
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeIs, overload

from attrs import field, frozen

from stressor.targets.errors import HarnessError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MARK = "__stressor_operation__"
"""Attribute of a method under which its declaration is kept."""


class Target:
    """What is tested. Derive from it, override `setup`, mark operations with `@operation`.

    One instance serves a whole child process; what a round shares is the state, not `self`.
    """

    def setup(self) -> object:
        """Make the shared state of one round. Runs alone, before the threads."""
        raise NotImplementedError

    def check(self, state: object) -> None:
        """Raise if the state is wrong. Runs alone, after all threads have ended their calls."""

    def teardown(self, state: object) -> None:
        """Release what `setup` took, after `check`. Runs alone."""


@frozen
class Declaration:
    """What `@operation` was told."""

    raises: tuple[type[BaseException], ...] = ()
    weight: float = 1.0
    arguments: "dict[str, SearchStrategy[object]]" = field(factory=dict)


@overload
def operation[**P, R](method: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def operation[**P, R](
    *,
    raises: type[BaseException] | tuple[type[BaseException], ...] = (),
    weight: float = 1.0,
    **arguments: "SearchStrategy[object]",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def operation(
    method: object = None,
    /,
    *,
    raises: object = (),
    weight: object = 1.0,
    **arguments: object,
) -> object:
    """Mark a method as an operation: what threads call, `method(self, state, **arguments)`.

    Args:
        method: the method itself, when the decorator is used without parentheses.
        raises: exception type or types that are legal outcomes of a call; any other is a failure.
        weight: how often it is drawn, relative to the other operations; above zero.
        arguments: a hypothesis strategy for every parameter after `state`.

    Raises:
        HarnessError: the declaration does not fit the method, or is none.
    """
    if method is not None:
        # One frame up is the class body, here as in `mark`.
        _refuse_duplicate(method, sys._getframe(1).f_locals)
        return _marked(method, Declaration())

    def mark(method: object) -> object:
        _refuse_duplicate(method, sys._getframe(1).f_locals)
        where = _place(method)
        declared = Declaration(
            raises=_exceptions(raises, where),
            weight=_weight(weight, where),
            arguments=_strategies(arguments, where),
        )
        return _marked(method, declared)

    return mark


def declaration(method: object) -> Declaration | None:
    """Return what `@operation` was told about `method`; None when it is not an operation."""
    found = getattr(method, MARK, None)
    return found if isinstance(found, Declaration) else None


def _marked(method: object, declared: Declaration) -> object:
    _check_signature(method, declared)
    setattr(method, MARK, declared)
    return method


def _check_signature(method: object, declared: Declaration) -> None:
    where = _place(method)
    if not inspect.isfunction(method):
        _refuse(where, "stands on something that is not a plain method; mark the function itself")
    parameters = list(inspect.signature(method).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) < 2 or any(each.kind not in positional for each in parameters[:2]):
        _refuse(where, "must be a method that takes (self, state, ...)")
    rest = parameters[2:]
    names = {
        each.name
        for each in rest
        if each.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in rest)
    for name in declared.arguments:
        if name not in names and not takes_all:
            _refuse(where, f"has a strategy for {name!r}, which the method does not take")
    for each in rest:
        if each.name in declared.arguments or each.default is not inspect.Parameter.empty:
            continue
        if each.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            _refuse(where, f"has no strategy for {each.name!r}: say {each.name}=st.integers(), say")


def _exceptions(raises: object, where: str) -> tuple[type[BaseException], ...]:
    given = raises if isinstance(raises, tuple) else (raises,)
    for each in given:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            _refuse(where, f"raises={each!r}: give an exception type or a tuple of them")
    return given


def _weight(weight: object, where: str) -> float:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not (isinstance(weight, int | float) and number and 0 < weight < math.inf):
        _refuse(where, f"weight={weight!r}: give a number above zero")
    return float(weight)


def _strategies(given: dict[str, object], where: str) -> "dict[str, SearchStrategy[object]]":
    wanted: dict[str, SearchStrategy[object]] = {}
    for name, value in given.items():
        if not _is_strategy(value):
            _refuse(
                where,
                f"{name}={value!r} is not a hypothesis strategy: say st.just({value!r}) for a "
                "constant, after `from hypothesis import strategies as st`",
            )
        wanted[name] = value
    return wanted


def _is_strategy(value: object) -> "TypeIs[SearchStrategy[object]]":
    loaded = sys.modules.get("hypothesis.strategies")
    return isinstance(value, getattr(loaded, "SearchStrategy", ()))


def _refuse_duplicate(method: object, namespace: object) -> None:
    name = getattr(method, "__name__", None)
    if isinstance(namespace, dict) and declaration(namespace.get(name)) is not None:
        _refuse(_place(method), "is defined twice; the second would replace the first: rename one")


def _place(method: object) -> str:
    return str(getattr(method, "__qualname__", repr(method)))


def _refuse(where: str, why: str) -> NoReturn:
    raise HarnessError(f"@operation on {where}: {why}.")
