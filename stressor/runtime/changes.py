"""What a target has changed of what stressor itself stands on: functions, limits, the user.

A target may replace what it likes, and mostly that harms nobody, so nothing is forbidden and nothing
put back. This is looked at only when something of stressor's has failed afterwards: then it is the
likely reason, and no fault of stressor's own.
"""

import builtins
import contextlib
import io
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Iterable
from types import ModuleType

from attrs import field, frozen

# Builtins first: until they are back, nothing that follows would work.
WATCHED = (builtins, io, os, signal, threading, time, traceback)
LIMITS = ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC")

_getrlimit, _setrlimit, _geteuid = resource.getrlimit, resource.setrlimit, os.geteuid
_NUMBERS = {name: getattr(resource, name) for name in LIMITS}
_ENDLESS = resource.RLIM_INFINITY


def _functions() -> list[tuple[ModuleType, dict[str, object]]]:
    return [
        (module, {name: value for name, value in vars(module).items() if callable(value)})
        for module in WATCHED
    ]


def _limits() -> dict[str, tuple[int, int]]:
    """The limit that is in force, and the highest that it may be set to."""
    return {name: _getrlimit(number) for name, number in _NUMBERS.items()}


@frozen
class Before:
    """How it was when this was made, before `target` was imported."""

    target: str
    functions: list[tuple[ModuleType, dict[str, object]]] = field(factory=_functions)
    limits: dict[str, tuple[int, int]] = field(factory=_limits)
    user: int = field(factory=_geteuid)

    def changes(self) -> list[str]:
        """What is not as it was, in words. Puts back what it can: telling takes some of it."""
        return [*self._replaced(), *self._lowered(), *self._other_user()]

    def _replaced(self) -> list[str]:
        found = []
        for module, functions in self.functions:
            now = module.__dict__
            found += [
                f"{module.__name__}.{name} was replaced"
                for name, function in functions.items()
                if now.get(name) is not function
            ]
            now.update(functions)
        return found

    def _lowered(self) -> Iterable[str]:
        for name, (now, _) in _limits().items():
            before, most = self.limits[name]
            if now not in (before, _ENDLESS) and (now < before or before == _ENDLESS):
                yield f"{name} was lowered to {now}"
                with contextlib.suppress(OSError, ValueError):
                    _setrlimit(_NUMBERS[name], (before, most))

    def _other_user(self) -> Iterable[str]:
        if _geteuid() != self.user:
            yield f"the user was changed to {_geteuid()}"


_before: list[Before] = []


def remember(target: str) -> None:
    """Take what is now for what ought to be, here and in forked children."""
    _before[:] = [Before(target)]


def blame() -> str:
    """The start of a message, when what the target changed is the likely reason of a fault of ours.

    Empty when it changed nothing. Puts back what it can, so call it before the fault is told.
    """
    for before in _before:
        changes = before.changes()
        if changes:
            return (
                f"{before.target}: cannot be tested, because it changed what stressor needs itself: "
                f"{', '.join(changes)}. Leave that as it was. What failed:\n"
            )
    return ""
