"""From delays to pins: not "wait 300 us here" but "wait here until thread 1 has been there".

Decides which visit of another thread a delay was long enough for, from the order of the events in
the failing trial, and tries that as a hold. A pin says what the delay was for, and is independent
of how fast the machine is. Kept only where the failure is not rarer for it.
"""

from collections.abc import Sequence
from math import inf

from attrs import evolve

from stressor.minimize.edits import with_rule
from stressor.minimize.exact import is_exact
from stressor.minimize.odds import Tally
from stressor.minimize.search import Search
from stressor.model.evidence import Event
from stressor.model.plan import Action, Rule, Until
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Trial

HOLD_NS = 10_000_000
"""Deadline of a hold. It normally ends long before, but a thread held while attached keeps every
stop-the-world waiting, and the one it waits for may be waiting for exactly that."""

COMPARED_RUNS = 5
"""Runs of each side when rates are compared."""

_TELLING = (Category.REFCOUNT, Category.MEMORY, Category.CONTAINER)
"""What another thread does to an object that one still uses: count it down, free it, replace it."""


def pin_delays(search: Search) -> None:
    """Turn exact delays into pins, the longest first, each where the failure is not rarer for it."""
    delays = [rule for rule in search.best.plan.rules if is_exact(rule) and not rule.is_pin]
    if not delays:
        return
    search.begin("turning delays into ordering constraints")
    before = search.measure(search.best.plan, COMPARED_RUNS).tally
    for delay in sorted(delays, key=lambda rule: -rule.most_ns):
        _pin(search, delay, before)


def _pin(search: Search, delay: Rule, before: Tally) -> None:
    plan = search.best.plan
    index = plan.rules.index(delay)
    for until in _waited_for(search.best, delay):
        pin = evolve(delay, action=Action.HOLD, least_ns=0, most_ns=HOLD_NS, until=until)
        sample = search.measure(with_rule(plan, index, pin), COMPARED_RUNS)
        if sample.hit is None or _expired(sample.hit, pin):
            continue
        if sample.tally.is_no_rarer(before):
            search.accept(sample.hit)
            return


def _expired(trial: Trial, pin: Rule) -> bool:
    """Whether the hold ended by its deadline: then it was a delay, and says no order."""
    return any(
        event.expired and event.thread == pin.thread and _is_visit(event, pin)
        for ring in trial.evidence.events
        for event in ring
    )


def _waited_for(trial: Trial, delay: Rule) -> list[Until]:
    """Visits of other threads while the delay lasted: the likeliest to be the point of it first."""
    events = trial.evidence.events
    own = sorted(_of(events, delay.thread), key=lambda event: event.at)
    at = next((i for i, event in enumerate(own) if _is_visit(event, delay)), None)
    if at is None:
        return []
    began = own[at].at
    ended = own[at + 1].at if at + 1 < len(own) else inf
    during = [
        event
        for thread in events
        for event in thread
        if began < event.at < ended and event.thread not in (delay.thread, -1)
    ]
    return _shortlist(sorted(during, key=lambda event: event.at), trial.evidence.sites)


def _shortlist(during: Sequence[Event], sites: Sequence[Site]) -> list[Until]:
    """The last telling visit, the last end of an operation, the last and the first of all."""
    about = {site.key: site.category for site in sites}
    telling = [event for event in during if about.get(event.site) in _TELLING]
    finished = [
        event
        for event in during
        if about.get(event.site) is Category.OP and event.phase is Phase.AFTER
    ]
    events = [*telling[-1:], *finished[-1:], *during[-1:], *during[:1]]
    return list(dict.fromkeys(Until(e.thread, e.site, e.visit, e.phase) for e in events))


def _of(events: Sequence[Sequence[Event]], thread: int | None) -> list[Event]:
    return [event for ring in events for event in ring if event.thread == thread]


def _is_visit(event: Event, rule: Rule) -> bool:
    return (
        event.site == rule.site and event.visit == rule.visit and rule.phase in (None, event.phase)
    )
