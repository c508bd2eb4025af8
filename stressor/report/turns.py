"""A controlled schedule, drawn: a column for each thread, and an arrow for every hand-over.

Decides which visits are shown: those where the turn was given away, begins and ends of calls, what
the explanation marks, and visits of the objects that the marked visits are about. What lies between
is counted. Without all the choices there is nothing to draw, and the last events have to do.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from stressor.model.evidence import Step, Why
from stressor.model.trial import Trial
from stressor.report.columns import Columns
from stressor.report.history import OPERATION, Visited, history, is_repeated, whole_steps
from stressor.report.timeline import ARROWS, Key
from stressor.report.words import Sites, short_site

MOST_ROWS = 60
LEAST_CHARACTERS = 16

_LABELS = {
    Why.VISIT: "turn",
    Why.YIELD: "yields",
    Why.BLOCKED: "waits",
    Why.REVOKED: "blocked outside",
    Why.ENDED: "ended",
}
_FROM_NOBODY = {
    Why.EXPIRED: "(all wait, and its wait ends first)",
    Why.WOKEN: "(goes on: nobody else could)",
}


@frozen
class _Row:
    """A visit in its thread's column, or the turn going from `thread` to `to`."""

    thread: int
    text: str
    to: int | None = None
    marked: bool = False


def turns(trial: Trial, sites: Sites, marks: Mapping[Visited, str]) -> list[str]:
    """Draw the schedule; empty when the trial was not controlled, or not all of it is known."""
    steps = whole_steps(trial.evidence)
    if not steps:
        return []
    drawing = _Drawing(trial, steps, sites, marks)
    every = list(drawing.rows())
    rows = [row for at, row in enumerate(every) if row.marked or at >= len(every) - MOST_ROWS]
    threads = sorted({t for row in rows for t in (row.thread, row.to) if t is not None})
    columns = Columns(
        [f"thread {thread}" for thread in threads],
        [(threads.index(row.thread), row.text) for row in rows if row.to is None],
        LEAST_CHARACTERS,
    )
    lines = [columns.heading]
    if len(rows) < len(every):
        lines.append(f"... {len(every) - len(rows)} lines of what went before are left out")
    for row in rows:
        at = threads.index(row.thread)
        if row.to is None:
            lines += columns.cell(at, row.text)
        else:
            lines.append(columns.arrow(at, threads.index(row.to), row.text))
    return lines


class _Drawing:
    """What of one schedule is shown."""

    def __init__(
        self, trial: Trial, steps: Sequence[Step], sites: Sites, marks: Mapping[Visited, str]
    ) -> None:
        self._steps = steps
        self._sites = sites
        self._marks = {_key(visit): mark for visit, mark in marks.items()}
        control = trial.evidence.control
        waits = control.deadlock if control is not None else ()
        self._objects = {v.obj for v in marks if v.obj} | {w.obj for w in waits if w.obj}
        self._given_at = {_key(step) for step in steps if step.to != step.thread}
        self._last = {visit.thread: _key(visit) for visit in history(trial.evidence)}

    def rows(self) -> Iterator[_Row]:
        """All that is worth a line; the visits between are counted."""
        before: dict[int, Step] = {}
        passed = 0  # by the thread that has the turn
        for step in self._steps:
            if step.site and not is_repeated(step, before.get(step.thread)):
                before[step.thread] = step
                if self._is_shown(step):
                    yield from _skipped(step.thread, passed)
                    yield self._visit(step)
                    passed = 0
                else:
                    passed += 1
            if step.to != step.thread:
                yield from _skipped(step.thread, passed)
                yield from _hand_over(step)
                passed = 0

    def _is_shown(self, step: Step) -> bool:
        key = _key(step)
        return (
            step.site.startswith(OPERATION)
            or step.obj in self._objects
            or key in self._given_at
            or key in self._marks
            or key == self._last.get(step.thread)
        )

    def _visit(self, step: Step) -> _Row:
        mark = self._marks.get(_key(step))
        said = ARROWS[step.phase] + short_site(step.site, self._sites)
        return _Row(step.thread, f"{said}\n* {mark}" if mark else said, marked=mark is not None)


def _skipped(thread: int, count: int) -> Iterator[_Row]:
    if count:
        yield _Row(thread, f"... {count} visit{'s' if count > 1 else ''}")


def _hand_over(step: Step) -> Iterator[_Row]:
    if step.thread >= 0:
        yield _Row(step.thread, _LABELS.get(step.why, step.why.value), to=step.to)
    elif step.why in _FROM_NOBODY:
        yield _Row(step.to, _FROM_NOBODY[step.why])


def _key(visit: Step | Visited) -> Key:
    return visit.thread, visit.site, visit.visit, visit.phase
