"""Calls, visits and strategies as short texts that a person can read, and that read back exactly.

    take(units=1)                                           a call
    thread 0 after call:quota:PyLong_AsSsize_t+0x1213 visit 1   a visit; what is left out is any
    call:quota:PyLong_AsSsize_t in take #1 of 2                 its site, in every build of the module
    thread 0 at no visit, no thread                         where a turn may be given away as well
    pct(depth=3.0)                                          a strategy

What an exported reproducer is made of: `reproducer` writes these texts, `stressor.reproduce` reads
them. Arguments are literals, which are read and never executed.
"""

import ast
import re

from attrs import frozen

from stressor.model.plan import Call, Spec, Switch
from stressor.model.site import Phase

_VISIT = re.compile(r"(?:thread (\d+) )?(?:(before|after) )?(.+?)(?: visit (\d+))?\Z", re.DOTALL)
_NOWHERE = re.compile(r"(?:no thread|thread (\d+) at no visit)\Z")
_EXACT = "thread N before|after SITE visit N"


@frozen
class Visit:
    """A visit, or the visits that a rule is about: None is any."""

    site: str
    thread: int | None = None
    phase: Phase | None = None
    visit: int | None = None


@frozen
class ExactVisit:
    """One side of one visit of one thread."""

    site: str
    thread: int
    phase: Phase
    visit: int


def visit_text(
    site: str, thread: int | None = None, phase: Phase | None = None, visit: int | None = None
) -> str:
    """Write a visit. Raises `ValueError` when it would not read back, as for an odd name."""
    text = " ".join(
        (
            *([f"thread {thread}"] if thread is not None else []),
            *([phase.value] if phase is not None else []),
            site,
            *([f"visit {visit}"] if visit is not None else []),
        )
    )
    if read_visit(text) != Visit(site, thread, phase, visit):
        raise ValueError(f"the site {site!r} has a name that is ambiguous here")
    return text


def read_visit(text: str) -> Visit:
    """Read a visit. Raises `ValueError`."""
    found = _VISIT.match(text)
    if found is None:
        raise ValueError(f"no visit: {text!r}; it reads: {_EXACT}")
    thread, phase, site, visit = found.groups()
    return Visit(
        site,
        int(thread) if thread is not None else None,
        Phase(phase) if phase is not None else None,
        int(visit) if visit is not None else None,
    )


def read_exact_visit(text: str) -> ExactVisit:
    """Read a visit that leaves nothing open. Raises `ValueError`."""
    read = read_visit(text)
    if read.thread is None or read.phase is None or read.visit is None:
        raise ValueError(f"{text!r} names more than one visit; say it all: {_EXACT}")
    return ExactVisit(read.site, read.thread, read.phase, read.visit)


def choice_text(switch: Switch) -> str:
    """Write the visit of a switch, or that it has none. Raises `ValueError` like `visit_text`."""
    if switch.site:
        return visit_text(switch.site, switch.thread, switch.phase, switch.visit)
    return f"thread {switch.thread} at no visit" if switch.thread >= 0 else "no thread"


def read_choice(text: str) -> ExactVisit:
    """Read where a turn is given away; without a visit the site is empty. Raises `ValueError`."""
    nowhere = _NOWHERE.match(text)
    if nowhere is None:
        return read_exact_visit(text)
    return ExactVisit("", int(nowhere[1] or -1), Phase.BEFORE, 0)


def call_text(op: str, given: str) -> str:
    """Write a call whose arguments are `given`, the text of a dict of literals; "" has none.

    Raises `ValueError` when it is not that: a child wrote it, which ran the target.
    """
    try:
        arguments = ast.literal_eval(given) if given else {}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict) or not all(
        isinstance(name, str) and name.isidentifier() for name in arguments
    ):
        raise ValueError(f"no arguments: {given[:200]!r}")
    return f"{op}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def read_call(text: str) -> Call:
    """Read a call. Raises `ValueError`."""
    op, arguments = _named(text, "call")
    return Call(op, given=repr(arguments) if arguments else "")


def spec_text(spec: Spec) -> str:
    """Write a strategy with its numbers."""
    return f"{spec.name}({', '.join(f'{name}={value!r}' for name, value in spec.numbers.items())})"


def read_spec(text: str) -> Spec:
    """Read a strategy. Raises `ValueError`."""
    name, numbers = _named(text, "strategy")
    if not all(type(value) in (int, float) for value in numbers.values()):
        raise ValueError(f"{text!r}: a strategy has numbers, as in pct(depth=3)")
    return Spec(name, {key: float(str(value)) for key, value in numbers.items()})


def _named(text: str, what: str) -> tuple[str, dict[str, object]]:
    """Take `name(key=literal, ...)` apart; without arguments the name may be any text."""
    if text.endswith("()"):
        return text[:-2], {}
    name, bracket, rest = text.partition("(")
    try:
        # Only the brackets are parsed as Python: operations have names of their own.
        call = ast.parse(f"f({rest}", mode="eval").body if bracket else None
        if not isinstance(call, ast.Call) or call.args or not name:
            raise ValueError(text)
        return name, {_keyword(key): ast.literal_eval(key.value) for key in call.keywords}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(
            f"no {what}: {text!r}; it reads name(parameter=literal, ...), or name()"
        ) from None


def _keyword(key: ast.keyword) -> str:
    if key.arg is None:
        raise ValueError("**")
    return key.arg
