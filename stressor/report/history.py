"""What the threads did, in one order: the visits of the last round, and the calls made of them.

Taken from the choices of a controlled schedule where all of them are known, which is exact, else from
the event rings, whose time stamps order what several threads did and whose oldest entries are gone.
"""

from collections.abc import Iterator, Sequence
from math import inf

from attrs import frozen

from stressor.model.evidence import CallResult, Evidence, Step
from stressor.model.site import Kind, Phase

OPERATION = f"{Kind.OP.value}:"


@frozen
class Visited:
    """One side of a visit that a thread made; `call` is the index of its running call, -1 outside."""

    thread: int
    site: str
    visit: int
    phase: Phase
    obj: int = 0
    call: int = -1

    @property
    def is_operation(self) -> bool:
        """Whether it is the begin or the end of an operation call."""
        return self.site.startswith(OPERATION)


@frozen
class Made:
    """One call: where in the history it began and ended; `end` is infinite when it did not."""

    thread: int
    call: int
    op: str
    begin: int
    end: float = inf

    def overlaps(self, other: "Made") -> bool:
        """Whether both ran at the same time, in different threads."""
        at_once = self.begin < other.end and other.begin < self.end
        return self.thread != other.thread and at_once


def whole_steps(evidence: Evidence) -> tuple[Step, ...]:
    """The choices of a controlled schedule, if all of them are known."""
    control = evidence.control
    if control is None or control.count != len(control.steps):
        return ()
    return control.steps


def history(evidence: Evidence) -> tuple[Visited, ...]:
    """Every side of a visit that is known, in order."""
    steps = whole_steps(evidence)
    if steps:
        return tuple(_from_steps(steps))
    events = [e for own, ring in enumerate(evidence.events) for e in ring if e.thread == own]
    return tuple(
        Visited(event.thread, event.site, event.visit, event.phase, event.obj, event.call)
        for event in sorted(events, key=lambda event: event.at)
    )


def is_repeated(step: Step, before: Step | None) -> bool:
    """Whether a step tells of the visit that the thread's step before has told of.

    A thread that waits or yields is still at the visit in which it made the blocking call.
    """
    return before is not None and (step.site, step.visit, step.phase) == (
        before.site,
        before.visit,
        before.phase,
    )


def _from_steps(steps: Sequence[Step]) -> Iterator[Visited]:
    calls: dict[int, int] = {}  # begun so far, by thread
    inside: set[int] = set()
    last: dict[int, Step] = {}
    for step in steps:
        thread = step.thread
        if not step.site or is_repeated(step, last.get(thread)):
            continue
        last[thread] = step
        if step.site.startswith(OPERATION) and step.phase is Phase.BEFORE:
            calls[thread] = calls.get(thread, -1) + 1
            inside.add(thread)
        call = calls.get(thread, -1) if thread in inside else -1
        yield Visited(thread, step.site, step.visit, step.phase, step.obj, call)
        if step.site.startswith(OPERATION) and step.phase is Phase.AFTER:
            inside.discard(thread)


def calls_made(visits: Sequence[Visited]) -> tuple[Made, ...]:
    """The calls whose begin is in the history, in the order in which they began."""
    made: list[Made] = []
    open_calls: dict[int, int] = {}  # index in `made`, by thread
    for at, visit in enumerate(visits):
        if not visit.is_operation:
            continue
        if visit.phase is Phase.BEFORE:
            open_calls[visit.thread] = len(made)
            op = visit.site.split(":", 2)[-1]
            made.append(Made(visit.thread, visit.call, op, at))
        elif visit.thread in open_calls:
            index = open_calls.pop(visit.thread)
            begun = made[index]
            made[index] = Made(begun.thread, begun.call, begun.op, begun.begin, at)
    return tuple(made)


def result_of(evidence: Evidence, call: Made) -> CallResult | None:
    """What is known of how a call went."""
    results = evidence.calls[call.thread] if call.thread < len(evidence.calls) else ()
    known = results[call.call] if 0 <= call.call < len(results) else None
    return known if known is not None and known.op == call.op else None
