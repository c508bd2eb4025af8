"""What a mechanism requires within its steps, from its source: `self.require(holds, "I3", "...")`.

Such an invariant has no method of its own, so there is no object to ask. The source says what can be
required without running anything; `models explain` lists it beside the declared ones.
"""

import ast
import inspect
from textwrap import dedent

from stressor.mechanisms.base import Mechanism

REQUIRE = Mechanism.require.__name__
ARGUMENTS = ("holds", "key", "says")


def required(mechanism: type[Mechanism]) -> dict[str, list[str]]:
    """Sentences by key, in the order of the source; what a sentence fills in stands in braces.

    Empty where there is no source to read. Raises ValueError on a key that is not a literal.
    """
    found: dict[str, list[str]] = {}
    for each in reversed(mechanism.__mro__):
        if not issubclass(each, Mechanism) or each is Mechanism:
            continue
        for key, says in _calls(each):
            if says not in found.setdefault(key, []):
                found[key].append(says)
    return dict(sorted(found.items()))


def _calls(mechanism: type[Mechanism]) -> list[tuple[str, str]]:
    try:
        source = inspect.getsource(mechanism)
    except (OSError, TypeError):
        return []
    calls = [
        node
        for node in ast.walk(ast.parse(dedent(source)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == REQUIRE
    ]
    return [_told(mechanism, call) for call in sorted(calls, key=lambda call: call.lineno)]


def _told(mechanism: type[Mechanism], call: ast.Call) -> tuple[str, str]:
    given = dict(zip(ARGUMENTS, call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    key, says = given["key"], given["says"]
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        raise ValueError(f"{mechanism.__name__} requires {ast.unparse(key)}: a key is a literal")
    return key.value, _text(says)


def _text(says: ast.expr) -> str:
    if isinstance(says, ast.Constant):
        return str(says.value)
    if isinstance(says, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in says.values
            if isinstance(part, (ast.Constant, ast.FormattedValue))
        )
    return f"{{{ast.unparse(says)}}}"
