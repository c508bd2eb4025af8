"""Who turned the GIL on, from inside the process in which it happens.

CPython says it once, in a RuntimeWarning from `import.c` that names the module. It may come from the
target's import or from an operation, in any thread, so it is listened for all the time; what is to be
said about it is `stressor.interpreter`'s, which is imported only when there is something to say.
"""

import sys
import warnings
from typing import TextIO

ANNOUNCEMENT = "The global interpreter lock (GIL) has been enabled to load module '"

_culprits: list[str] = []


def gil_is_on() -> bool:
    """Whether the GIL is on now; a Python that cannot be asked has it always on."""
    ask = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else bool(ask())


def listen() -> None:
    """Note every module that CPython names from now on; warnings are shown as before."""
    shown_before = warnings.showwarning

    def showwarning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if text.startswith(ANNOUNCEMENT):
            _culprits.append(text[len(ANNOUNCEMENT) :].partition("'")[0])
        shown_before(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning
    pattern = ANNOUNCEMENT.replace("(", "\\(").replace(")", "\\)")
    warnings.filterwarnings("always", message=pattern, category=RuntimeWarning)


def culprit() -> str:
    """The first module that was named; empty when none was."""
    return _culprits[0] if _culprits else ""


def refusal() -> str:
    """The message for a user when the GIL is on or cannot be off; empty when it is off."""
    if not gil_is_on():
        return ""
    from stressor.interpreter import (  # noqa: PLC0415 - heavy, and needed only to refuse
        CouldNotTest,
        require_free_threading,
    )

    try:
        require_free_threading(culprit())
    except CouldNotTest as why:
        return str(why)
    return ""
