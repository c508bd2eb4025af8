"""The last events of the threads that matter, side by side, in the order of their time stamps.

Decides which threads matter (that failed, that a rule names, that lost or destroyed something) and
which events: of each thread its last ones where something was done or at the sites of rules and
losses, and its very last. The latest of the others fill up what room is left. A lost borrow that was
used is the end of the story, although the trial goes on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from stressor.model.evidence import CallStatus, Event, Evidence
from stressor.model.plan import Action, Plan
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.report.columns import Columns
from stressor.report.history import OPERATION, Visited
from stressor.report.words import Sites, done_words, duration, short_site

MOST_THREADS = 4
MOST_TELLING = 10
MOST_ROWS = 14
EVENTS_AFTER_LOSS = 2

type Key = tuple[int, str, int, Phase]
"""One side of a visit: thread, site, number, phase."""

ARROWS = {Phase.BEFORE: "-> ", Phase.AFTER: "<- "}


def timeline(trial: Trial, sites: Sites, marks: Mapping[Visited, str] | None = None) -> list[str]:
    """A column for each thread, a line for each event; empty when nothing was recorded.

    `marks` are written beside the visits that they are for, which are among the chosen ones.
    """
    beside = {_key(visit): mark for visit, mark in (marks or {}).items()}
    recorded = {index for index, events in enumerate(trial.evidence.events) if events}
    threads = [t for t in _involved(trial) if t in recorded][:MOST_THREADS] or sorted(recorded)
    chosen = sorted(threads[:MOST_THREADS])
    known = [e for t in chosen for e in trial.evidence.events[t] if e.thread == t]
    events = _telling(trial, known, beside.keys())
    if not events:
        return []
    rows = [
        (chosen.index(event.thread), _cell(event, sites, beside.get(_key(event))))
        for event in events
    ]
    columns = Columns([f"thread {thread}" for thread in chosen], rows)
    return [columns.heading, *(line for row in rows for line in columns.cell(*row))]


def _involved(trial: Trial) -> Iterable[int]:
    """Yield thread numbers, the most telling first."""
    evidence, found = trial.evidence, dict.fromkeys(_named_by_failures(trial))
    found.update(dict.fromkeys(_named_by_rules(trial.plan)))
    for thread, calls in enumerate(evidence.calls):
        if any(call.status is CallStatus.UNFINISHED for call in calls):
            found[thread] = None
    found.update(dict.fromkeys(range(len(evidence.events))))
    return found


def _named_by_failures(trial: Trial) -> Iterable[int]:
    for failure in trial.outcome.failures:
        if failure.thread is not None:
            yield failure.thread
    for loss in trial.evidence.losses:
        if loss.used is not None:
            yield from (loss.thread, loss.destroyer)


def _named_by_rules(plan: Plan) -> Iterable[int]:
    for rule in plan.rules:
        if rule.thread is not None:
            yield rule.thread
        if rule.until is not None:
            yield rule.until.thread


def _key(visit: Event | Visited) -> Key:
    return visit.thread, visit.site, visit.visit, visit.phase


def _telling(trial: Trial, events: Sequence[Event], marked: Collection[Key]) -> list[Event]:
    """Choose the events to show, in the order of time."""
    inside = _in_calls(events, marked)
    ordered = _until_loss(trial, sorted(inside, key=lambda event: event.at), marked)
    named = _named_sites(trial.plan, trial.evidence)
    threads = {event.thread for event in ordered}
    share = max(1, MOST_TELLING // max(1, len(threads)))
    kept = {index for index, event in enumerate(ordered) if _key(event) in marked}
    for thread in threads:
        own = [index for index, event in enumerate(ordered) if event.thread == thread]
        telling = [i for i in own if ordered[i].action is not Action.GO or ordered[i].site in named]
        kept.update(telling[-share:], own[-1:])
    rest = [index for index in range(len(ordered)) if index not in kept]
    kept.update(rest[max(0, len(rest) - max(0, MOST_ROWS - len(kept))) :])
    return [ordered[index] for index in sorted(kept)]


def _in_calls(events: Sequence[Event], marked: Collection[Key]) -> list[Event]:
    """Leave out what threads did between and after their calls, as waiting for each other."""
    if all(event.call < 0 for event in events):
        return list(events)  # calls are not known
    return [e for e in events if e.call >= 0 or e.site.startswith(OPERATION) or _key(e) in marked]


def _until_loss(trial: Trial, ordered: list[Event], marked: Collection[Key]) -> list[Event]:
    """Cut off what followed a lost borrow: the trial went on, the failure was over."""
    told = [index for index, event in enumerate(ordered) if _key(event) in marked]
    lost = {(x.thread, x.site, x.visit) for x in trial.evidence.losses if x.used is not None}
    for index, event in enumerate(ordered):
        if (event.thread, event.site, event.visit) in lost and event.phase is Phase.AFTER:
            return ordered[: 1 + max([index + EVENTS_AFTER_LOSS, *told])]
    return ordered


def _named_sites(plan: Plan, evidence: Evidence) -> set[str]:
    named = {rule.site for rule in plan.rules}
    named.update(rule.until.site for rule in plan.rules if rule.until is not None)
    named.update(loss.site for loss in evidence.losses)
    named.update(breach.site for breach in evidence.breaches)
    return named


def _cell(event: Event, sites: Sites, mark: str | None) -> str:
    said = ARROWS[event.phase] + short_site(event.site, sites)
    done = done_words(event.action, event.ns)
    if event.expired and event.action is Action.HOLD:
        done = f"gave up after {duration(event.ns)}"
    return "".join([said, f", {done}" if done else "", f"\n* {mark}" if mark else ""])
