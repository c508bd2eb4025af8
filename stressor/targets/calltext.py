"""The text of one operation call, for people: `update(key=3, value='ab')`.

Bounded, because an argument can be a megabyte, and safe, because its `repr` is the target's code.
"""

from collections.abc import Mapping

LONGEST = 200
LONGEST_VALUE = 60


def call_text(name: str, arguments: Mapping[str, object]) -> str:
    """Return `name(argument=value, ...)`, at most `LONGEST` characters."""
    inside = ", ".join(f"{key}={_value(value)}" for key, value in arguments.items())
    return _cut(f"{name}({inside})", LONGEST)


def _value(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, repr raised {type(error).__name__}>"
    return _cut(text, LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    # The last character stays: it is the bracket or quote that closes the value.
    return f"{text[: longest - 4]}...{text[-1]}"
