"""Which tests may run in several threads at once, and why the others may not.

Decides by markers, by the fixtures a test uses, and by what its source and that of the functions beside
it call: state of the whole process that a test changes for a moment (warning filters, environment,
working directory, seeds) is nobody's race. What is not seen here shows as a failure that happens to be
the test's own fault; one line in the test says so then. A plugin may add rules:
`pytest_stressor_unfit(item)`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

UNSAFE_FIXTURES = {
    **dict.fromkeys(("capsys", "capsysbinary", "capfd", "capfdbinary", "capteesys"), "output"),
    "monkeypatch": "what it patches",
    "mocker": "what it patches",
    "recwarn": "the warning filters",
    "caplog": "the log handlers",
    "pytester": "the working directory",
    "testdir": "the working directory",
    "benchmark": "what it measures",
    "subtests": "its report",
    "freezer": "the clock",
    "event_loop": "the event loop",
}
"""Fixtures whose work is of the whole process, with what two threads would share."""

UNSAFE_CALLS = {
    "warnings.catch_warnings": "changes the warning filters",
    "warnings.simplefilter": "changes the warning filters",
    "warnings.filterwarnings": "changes the warning filters",
    "pytest.warns": "changes the warning filters",
    "pytest.deprecated_call": "changes the warning filters",
    "random.seed": "sets a global seed",
    "os.chdir": "changes the working directory",
    "os.putenv": "changes the environment",
    "os.unsetenv": "changes the environment",
    "os.umask": "changes the umask",
    "os.fork": "forks",
    "locale.setlocale": "changes the locale",
    "signal.signal": "sets a signal handler",
    "signal.alarm": "sets a timer",
    "sys.setrecursionlimit": "changes the recursion limit",
    "sys.setswitchinterval": "changes the switch interval",
    "sys.settrace": "sets a trace function",
    "sys.setprofile": "sets a profile function",
    "gc.disable": "turns the collector off",
    "gc.set_threshold": "changes the collector",
    "gc.get_objects": "looks at all objects",
    "tracemalloc.start": "traces the whole process",
    "time.tzset": "changes the time zone",
    "mock.patch": "patches what others use",
    "patch": "patches what others use",
    "patch.object": "patches what others use",
    "patch.dict": "patches what others use",
    "assertWarns": "changes the warning filters",
    "assertWarnsRegex": "changes the warning filters",
    "assertLogs": "changes the log handlers",
}
DEPTH = 2
"""Functions of the same module that a test calls are looked at too, so many calls deep."""


def unfit(item: pytest.Item) -> str:
    """Why a test runs in one thread; empty when it may run in many."""
    if not isinstance(item, pytest.Function):
        return "no test function"
    said = item.ihook.pytest_stressor_unfit(item=item)
    return str(said or _by_marker(item) or _by_kind(item) or _by_fixture(item) or _by_source(item))


def _by_marker(item: pytest.Function) -> str:
    for name in ("not_thread_safe", "thread_unsafe"):
        mark = item.get_closest_marker(name)
        if mark is not None:
            reason = mark.kwargs.get("reason") or (mark.args[0] if mark.args else "")
            return f"marked {name}" + (f": {reason}" if reason else "")
    mark = item.get_closest_marker("parallel_threads")
    if mark is not None and mark.args[:1] == (1,):
        return "marked parallel_threads(1)"
    return "marked xfail" if item.get_closest_marker("xfail") is not None else ""


def _by_kind(item: pytest.Function) -> str:
    function = getattr(item.obj, "__func__", item.obj)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "async"
    return ""


def _by_fixture(item: pytest.Function) -> str:
    for name in item.fixturenames:
        if name in UNSAFE_FIXTURES:
            return f"fixture {name}: threads would share {UNSAFE_FIXTURES[name]}"
    return ""


def _by_source(item: pytest.Function) -> str:
    function: Any = inspect.unwrap(getattr(item.obj, "__func__", item.obj))
    for found in _calls_of(function, DEPTH):
        return found
    return ""


def _calls_of(function: Callable[..., object], depth: int) -> Iterator[str]:
    names, reasons = _looked_at(function)
    yield from reasons
    if depth:
        for name in names:
            called = getattr(function, "__globals__", {}).get(name)
            if inspect.isfunction(called) and called is not function:
                yield from _calls_of(called, depth - 1)


@cache
def _looked_at(function: Callable[..., object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The plain names that a function calls, and what speaks against it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return (), ()
    names, reasons = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text.isidentifier():
                names.append(text)
            if reason := _known(text):
                reasons.append(f"{text} {reason}")
        elif isinstance(node, ast.Assign | ast.Delete) and _sets_environment(node):
            reasons.append("os.environ is changed")
    return tuple(names), tuple(reasons)


def _known(text: str) -> str:
    """What a call is known for: the longest ending of its dotted name counts."""
    parts = text.split(".")
    for start in range(len(parts)):
        ending = ".".join(parts[start:])
        # A method that is called patch need not be mock's.
        if (not start or not ending.startswith("patch")) and (reason := UNSAFE_CALLS.get(ending)):
            return reason
    if parts[-2:-1] == ["environ"] and parts[-1] in {"update", "setdefault", "pop", "clear"}:
        return "changes the environment"
    return ""


def _sets_environment(node: ast.Assign | ast.Delete) -> bool:
    return any(
        isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith("environ")
        for target in node.targets
    )
