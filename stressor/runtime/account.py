"""What the child says of its trial: exceptions as text, calls as letters, one file at the end.

The file is written whole or not at all, and carries the number that the parent gave this trial, so
that neither an earlier trial's file nor half of one is ever taken for a result. Text is cut to a
length and made printable here, where the exception still is. What it means is the oracles' business.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from stressor.runtime.wire import encode

MOST_MESSAGE = 2000
MOST_TRACEBACK = 8000
OWN_FAULT = "stressor's own fault:"
MOST_TOLD = 32  # exceptions with a traceback in one trial
MOST_MENTIONED = 1000  # exceptions without; a call that raised has its letter in any case

# Letters of `CallStatus` in a result; the others are known only of a child that did not end well.
RETURNED, RAISED_LEGAL, RAISED, NOT_STARTED = "r", "l", "x", "-"

_OURS = str(Path(__file__).parent)


def tell(error: BaseException) -> dict[str, str]:
    """Type, message, place and traceback of an exception, each cut to a bounded length."""
    return {**_mention(error), "traceback": _traceback(error)}


def tell_all(raised: Sequence[tuple[int, int, BaseException]]) -> list[list[object]]:
    """Exceptions with their thread and call: the first in full, many more without traceback."""
    return [
        [thread, call, tell(error) if rank < MOST_TOLD else {**_mention(error), "traceback": ""}]
        for rank, (thread, call, error) in enumerate(raised[:MOST_MENTIONED])
    ]


def _mention(error: BaseException) -> dict[str, str]:
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return {
        "type": name[:200],
        "message": _message(error)[:MOST_MESSAGE],
        "where": _place(error.__traceback__),
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as inner:  # a target's own __str__
        return f"<its message raised {type(inner).__name__}>"


def _place(trace: TracebackType | None) -> str:
    """The innermost frame that is not ours, "file.py:function"."""
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            place = f"{os.path.basename(code.co_filename)}:{code.co_name}"
        trace = trace.tb_next
    return place


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Skip our frames that lead to the target's."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace


def _traceback(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - only a failing trial pays for it

    try:
        frames = _without_ours(error.__traceback__)
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception as inner:  # formatting asks the exception for its text and its notes
        return f"<its traceback cannot be formatted: {type(inner).__name__}>"
    return text if len(text) <= MOST_TRACEBACK else f"...\n{text[-MOST_TRACEBACK:]}"


def write(path: Path, data: dict[str, Any]) -> None:
    """Write one JSON file whole or not at all."""
    # One write of a small file, without the layers of `open`: every trial pays for this.
    draft = f"{path}.tmp"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(encode(data).encode())
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
    os.replace(draft, path)
