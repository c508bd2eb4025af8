"""Where a failure is: the one place out of a stack that two runs of the same bug have in common.

The first frame that belongs to the target, "module:function", wins: that is code that its maintainer
can change. Modules that are linked into the interpreter have no file of their own, so without a frame
of a target it is the native function that the operation had called: the outermost one before the stack
goes back to Python code. (Measured on six reported races of the standard library, the innermost one
gave up to three places for one bug: `list_item_impl`, `listiter_next` and `cycle_next` are one.)
What `plumbing` lists is passed by. A stack that got there by way of an allocation or a collection tells
nothing at all, since the damage was done earlier and elsewhere; it has no place, and then the
operation in progress stands for it. Signals and messages are not part of a place: freed memory that
is used is a segmentation fault today and a failed heap check tomorrow.
"""

import re
from collections.abc import Iterable

from stressor.model.evidence import CallStatus, Evidence, Frame
from stressor.model.outcome import OUTSIDE
from stressor.model.site import Kind, Phase
from stressor.oracles.modules import Owner, module_name, owner_of
from stressor.oracles.plumbing import HELPERS, LATE, PLUMBING, TRAMPOLINES

_RUST_HASH = re.compile(r"17h[0-9a-f]{16}E\Z")
_RUST_CRATE = re.compile(r"Cs[0-9A-Za-z]+_(?=\d)")


def place_of(frames: Iterable[Frame]) -> str | None:
    """Return "module:function" for a stack, innermost frame first, or None if nothing tells."""
    candidate: str | None = None
    for frame in frames:
        owner, function = owner_of(frame), frame.function or ""
        if owner is Owner.TARGET:
            if not HELPERS.match(function):
                return _named(frame)
            candidate = candidate or _named(frame)
        elif owner in (Owner.INTERPRETER, Owner.SYSTEM) and function:
            if LATE.match(function):
                return candidate
            if owner is Owner.SYSTEM:
                continue
            if TRAMPOLINES.match(function):
                if candidate is not None:
                    return candidate
            elif not PLUMBING.match(function):
                candidate = _named(frame)
    return candidate


def is_late(frames: Iterable[Frame]) -> bool:
    """Whether the damage was found by an allocation or a collection before any telling frame."""
    passed: list[Frame] = []
    for frame in frames:
        if owner_of(frame) is not Owner.TARGET and LATE.match(frame.function or ""):
            return place_of(passed) is None
        passed.append(frame)
    return False


def _named(frame: Frame) -> str:
    if not frame.function:
        return f"{module_name(frame)}+{frame.offset:#x}"
    function = _RUST_CRATE.sub("C", _RUST_HASH.sub("E", frame.function))
    return f"{module_name(frame)}:{function}"


def operations_in_progress(evidence: Evidence, thread: int | None = None) -> tuple[str, ...]:
    """Names of the operations that had begun and not ended, of one thread or of all, sorted."""
    threads = range(max(len(evidence.calls), len(evidence.events))) if thread is None else (thread,)
    found = {name for each in threads for name in _in_progress(evidence, each)}
    return tuple(sorted(found))


def in_operation(evidence: Evidence, thread: int | None = None) -> str:
    """Stand for a place when no frame tells: "op NAME" of the thread, or of all if it is not known.

    A thread that was in none is outside, whatever the others did.
    """
    names = operations_in_progress(evidence, thread)
    return f"op {', '.join(names)}" if names else OUTSIDE


def _in_progress(evidence: Evidence, thread: int) -> Iterable[str]:
    if 0 <= thread < len(evidence.calls):
        return [c.op for c in evidence.calls[thread] if c.status is CallStatus.UNFINISHED]
    last = ""
    for event in evidence.events[thread] if 0 <= thread < len(evidence.events) else ():
        kind, _, rest = event.site.partition(":")
        if kind == Kind.OP.value:
            last = rest.partition(":")[2] if event.phase is Phase.BEFORE else ""
    return [last] if last else []
