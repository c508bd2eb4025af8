"""Arguments as literals: the text of a dict that `ast.literal_eval` reads back to equal values.

Decides what a literal can stand for: exact built-in types, however deep, since the `repr` of anything
else is somebody's code and may look like a value that it is not. Nothing is ever executed.
"""

import ast
from collections.abc import Mapping

from stressor.model.bounds import MOST_GIVEN_CHARACTERS

MOST_DEPTH = 20

_ATOMS = frozenset({int, str, bytes, float, complex, bool, type(None)})
_MANY = frozenset({tuple, list, set})


def written(arguments: Mapping[str, object]) -> str:
    """Return the text of `arguments`; "" when no literal gives them, or only a very long one."""
    if not all(_is_literal(value, MOST_DEPTH) for value in arguments.values()):
        return ""
    try:
        text = repr(dict(arguments))
        # Not a number and infinity have the right types and still do not come back.
        same = len(text) <= MOST_GIVEN_CHARACTERS and ast.literal_eval(text) == arguments
    except ValueError:
        return ""
    return text if same else ""


def read(text: str) -> dict[str, object]:
    """Read what `written` wrote. Raises `ValueError` for anything but a dict by parameter names."""
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("must be Python literals") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("must be a dict with the names of parameters")
    return value


def _is_literal(value: object, depth: int) -> bool:
    kind = type(value)
    if kind in _ATOMS:
        return True
    if depth == 0:
        return False
    if kind in _MANY:
        return all(_is_literal(each, depth - 1) for each in value)  # type: ignore[attr-defined]  # all are iterable
    if type(value) is dict:
        return all(_is_literal(each, depth - 1) for pair in value.items() for each in pair)
    return False
