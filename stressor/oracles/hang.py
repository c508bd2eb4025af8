"""Threads that make no progress: where each of them waits, or turns in circles.

Every thread that waits in the target's code is part of the signature, sorted, since a deadlock is
made of all its places and not of the one that a debugger happens to list first. Threads that wait
in stressor (for the others, at the barrier) are not. Without stacks the operations in progress stand
for the places. A crash whose handler got stuck is a crash, not a hang. In a controlled trial a deadlock
is known exactly: it has the identity of the same hang seen from outside, and `deadlock` tells it.
"""

import re
from collections import Counter

from stressor.model.evidence import End, Evidence, Frame
from stressor.model.outcome import OUTSIDE, Failure, FailureKind, Signature, located_in
from stressor.oracles.deadlock import wait_for_graph
from stressor.oracles.place import in_operation, operations_in_progress, place_of
from stressor.oracles.stacks import AnyFrame, PythonFrame, read_stacks

MOST_PLACES = 4

type Wait = tuple[str, str]
"""A place and its source line, "" when that is not known."""

# Python code that waits on behalf of somebody: stressor's own, the interpreter's library.
_NOT_TELLING = re.compile(
    r"(?:.*/)?stressor/(?:runtime|targets|model)/|<frozen |.*/lib/python\d[^/]*/(?!site-packages/)"
)


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """At most one: a trial hangs once."""
    graph = wait_for_graph(evidence)
    hung = bool(graph) or evidence.ending.end in (End.STUCK, End.SPINNING)
    if not hung or evidence.crash is not None:
        return ()
    stacks = read_stacks(evidence.stacks)
    told = [wait for wait in map(_waits_at, stacks) if wait is not None]
    places = sorted({place for place, _ in told})
    where = " + ".join(places[:MOST_PLACES]) or in_operation(evidence)
    stuck = evidence.ending.end is not End.SPINNING
    how = "wait and none goes on" if stuck else "run and none makes progress"
    said = "deadlock: " if graph else ""
    return (
        Failure(
            Signature(FailureKind.HANG, where),
            summary=f"{said}{len(told) or 'the'} threads {how} {located_in(where)}",
            details="\n".join([*graph, *_details(evidence, told), *_hint(where, stuck)]),
        ),
    )


def _hint(where: str, stuck: bool) -> list[str]:
    if stuck or where != OUTSIDE:
        return []
    return ["Memory was probably damaged before: the stacks tell where it loops."]


def _details(evidence: Evidence, told: list[Wait]) -> list[str]:
    said = [
        f"{count} thread{'s' if count > 1 else ''} in {place}{f' ({source})' if source else ''}."
        for (place, source), count in sorted(Counter(told).items())
    ]
    running = operations_in_progress(evidence)
    if running:
        said.append(f"Operations in progress: {', '.join(running)}.")
    return said


def _waits_at(stack: tuple[AnyFrame, ...]) -> Wait | None:
    """Return the innermost telling place: native frames down to the first Python frame, then that."""
    native: list[Frame] = []
    for frame in stack:
        if isinstance(frame, Frame):
            native.append(frame)
            continue
        place = place_of(native)
        if place is not None:
            return place, _source(native, place)
        native.clear()
        if not _NOT_TELLING.match(frame.file):
            return _python_place(frame), ""
    return None


def _source(frames: list[Frame], place: str) -> str:
    function = place.partition(":")[2]
    sources = (frame.source for frame in frames if frame.function == function and frame.source)
    return next(sources, "").rsplit("/", 1)[-1]


def _python_place(frame: PythonFrame) -> str:
    return f"{frame.file.rsplit('/', 1)[-1]}:{frame.function}"
