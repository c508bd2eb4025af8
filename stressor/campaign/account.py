"""Reading what a child wrote at its end. Nothing in it is trusted: it ran the target.

Decides what counts as a result: a complete one, of this trial, of the shape that
`stressor.runtime.account` writes. Anything else is no result, never an error.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from stressor.model.evidence import CallStatus, Raised

MOST_BYTES = 16 << 20
MOST_TEXT = 10_000

# As `stressor.runtime.account` writes them; no child ever writes of itself that a call is unfinished.
STATUSES = {
    "r": CallStatus.RETURNED,
    "l": CallStatus.RAISED_LEGAL,
    "x": CallStatus.RAISED,
    "u": CallStatus.UNFINISHED,
    "-": CallStatus.NOT_STARTED,
}
WRITTEN = frozenset("rlx-")


@frozen
class Account:
    """A child's own account of its trial: `calls` has a letter of `STATUSES` for each call.

    `refused` is about the harness, `fault` about stressor.
    """

    rounds: int = 0
    calls: tuple[str, ...] = ()
    raised: Mapping[tuple[int, int], Raised] = field(factory=dict)
    setup: Raised | None = None
    check: Raised | None = None
    gil: str | None = None
    refused: str = ""
    fault: str | None = None


def read_account(path: Path, nonce: str, shape: tuple[int, ...]) -> Account | None:
    """Read the result of trial `nonce`; `shape` is the number of calls of each thread.

    None: there is none, it is another trial's, or it is not what stressor would have written.
    """
    data = read_json(path, nonce)
    if data is None:
        return None
    try:
        return _account(data, shape)
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def read_texts(
    path: Path, nonce: str, shape: tuple[int, ...], what: str = "texts"
) -> tuple[tuple[str, ...], ...] | None:
    """Read the calls of a program as text, of exactly this shape; None when there is no such file.

    `what` may be "literals" too: only their arguments, of any length.
    """
    texts = (read_json(path, nonce) or {}).get(what)
    if not isinstance(texts, list) or not all(isinstance(each, list) for each in texts):
        return None
    if tuple(map(len, texts)) != shape:
        return None
    most = MOST_TEXT if what == "texts" else None
    return tuple(tuple(str(text)[:most] for text in calls) for calls in texts)


def read_json(path: Path, nonce: str) -> dict[str, Any] | None:
    """Read a JSON object that carries `nonce`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        data = json.loads(raw) if len(raw) <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("nonce") == nonce else None


def _account(data: dict[str, Any], shape: tuple[int, ...]) -> Account:
    if "fault" in data:
        return Account(fault=_text(data["fault"]))
    if "refused" in data:
        return Account(refused=_text(data["refused"]))
    calls = tuple(data["calls"])
    if tuple(map(len, calls)) != shape or not all(WRITTEN.issuperset(each) for each in calls):
        raise ValueError("the result is of another program")
    return Account(
        rounds=_count(data["rounds"]),
        calls=calls,
        raised={(_count(t), _count(i)): _raised(told) for t, i, told in data["raised"]},
        setup=None if data["setup"] is None else _raised(data["setup"]),
        check=None if data["check"] is None else _raised(data["check"]),
        gil=None if data["gil"] is None else _text(data["gil"]),
    )


def _raised(data: dict[str, Any]) -> Raised:
    return Raised(
        _text(data["type"]),
        _text(data["message"]),
        _text(data["where"]),
        _text(data["traceback"]),
    )


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:MOST_TEXT]
