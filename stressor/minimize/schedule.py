"""Passes over a controlled plan: alone in its process, few switches, nothing special around it.

Leave how a candidate is run and found again to `turns`, small programs to `leaps` and `program`, and
orders without a turnstile to `holds`.
"""

from attrs import evolve

from stressor.minimize.edits import (
    beginning_with,
    in_turns,
    loosened,
    switches_of,
    without_switches,
)
from stressor.minimize.leaps import pairs
from stressor.minimize.odds import Tally
from stressor.minimize.search import Search
from stressor.minimize.turns import (
    FEWEST,
    by_turns,
    drawn,
    firm,
    is_exact,
    is_isolated,
    was_searched,
)

SURE_RUNS = 2
"""The same schedule gives the same round: two hits say that this is so here."""

DOUBTFUL_RUNS = 6
"""More, where it is not."""

FIRST_STEPS = (0, 1)
"""The beginning, and where the first thread comes to its first visit, having done nothing yet."""

TAKING_OVER = 0.2
"""The part of the effort for looking for a failure of parallel threads under schedules."""

SHORT = 24
"""Programs of more calls are looked at in pairs only: a schedule of so much is hard to make smaller."""

FEW_SWITCHES = 1
"""A schedule of so many is not drawn anew for the sake of fewer."""


def look(search: Search) -> Tally:
    """See how surely a controlled plan fails, and make that the search's base."""
    search.begin("measuring how often it fails")
    sample = search.measure(search.best.plan, SURE_RUNS)
    if sample.tally.misses:
        for _ in range(DOUBTFUL_RUNS):
            sample = search.count(search.best.plan, sample)
    if sample.hit is not None:
        # A kept entry has not all choices of its round.
        hit = sample.hit
        search.best = evolve(search.best, evidence=hit.evidence, outcome=hit.outcome)
    search.base = sample.tally
    return sample.tally


def isolate(search: Search) -> None:
    """One round with exact switches instead of a batch that a scheduler draws."""
    if not is_exact(search.best.plan):
        search.begin("isolating the round that failed")
        exact = firm(search, search.best)
        if exact is not search.best:
            search.accept(exact)


def plain_home(search: Search) -> None:
    """Let the main thread make the state, as it mostly does."""
    if search.best.plan.home is not None:
        search.begin("trying state that the main thread made")
        search.consider(evolve(loosened(search.best.plan), home=None))


def without_hooks(search: Search) -> None:
    """Try without choices at destructions and allocations."""
    plan = loosened(search.best.plan)
    if plan.schedule is not None and plan.schedule.hooks:
        search.begin("trying without choices at allocations")
        search.consider(evolve(plan, schedule=evolve(plan.schedule, hooks=False)))


def draw_fewer_switches(search: Search) -> None:
    """Look for a schedule of few switches, instead of leaving out one after the other of many."""
    plan = search.best.plan
    if not is_isolated(plan) or len(switches_of(plan)) <= FEW_SWITCHES:
        return
    search.begin("looking for a schedule of fewer switches")
    for batch in drawn(plan, search.best.evidence.control, FEWEST):
        found = search.run(batch)
        if search.is_hit(found):
            search.take_cheaper(firm(search, found))


def drop_switches(search: Search) -> None:
    """Leave out all switches, halves, quarters, ... single ones."""
    search.begin("leaving out switches")
    size = len(switches_of(search.best.plan))
    while size >= 1:
        start = 0
        while start < len(switches_of(search.best.plan)):
            if not search.consider(without_switches(search.best.plan, start, start + size)):
                start += size
        size //= 2


def begin_with_first(search: Search) -> None:
    """Number the threads so that the first to do anything is thread 0, which needs no switch."""
    plan = search.best.plan
    if is_isolated(plan) and any(switch.step in FIRST_STEPS for switch in switches_of(plan)[:1]):
        search.begin("numbering the threads anew")
        first = switches_of(plan)[0]
        search.consider(beginning_with(without_switches(plan, 0, 1), first.to))


def take_over(search: Search) -> bool:
    """Find a failure of parallel threads under a schedule, where it happens every time."""
    search.begin("looking for a schedule that fails every time")
    plan, until = search.best.plan, search.meter.share + TAKING_OVER
    whole = (in_turns(plan),) if plan.calls <= SHORT else ()
    for candidate in (*whole, *pairs(search.best)):
        if search.meter.share > until:
            break
        hit = None if was_searched(search, candidate) else by_turns(search, candidate)
        if hit is None:
            continue
        tally = search.measure(hit.plan, SURE_RUNS).tally
        if not tally.misses:
            search.accept(hit)
            search.base = tally
            return True
    return False
