"""Passes over what surrounds the program: rounds, allocator, functions that are redirected; and making a
start strong enough.

Decides how the start is strengthened and how many rounds one run needs, from the rate per round: a
run stops at its first failing round, so hits over rounds is that rate, and rounds cost a reader
nothing but patience. A weak start is strengthened before anything is taken away, because a sharp
failure needs few runs per candidate.
"""

from attrs import evolve

from stressor.minimize.edits import loosened, with_rules
from stressor.minimize.exact import is_exact, written_out
from stressor.minimize.odds import MOST_ROUNDS, SURE, Tally, rounds_for
from stressor.minimize.search import Search
from stressor.model.plan import Action, Allocator, Plan, Rule
from stressor.model.site import Category, Kind, Site

START_RUNS = 8

STRENGTHENINGS = 3
"""The first count of a rare failure is hardly more than a guess; the second is of what it gave."""

STRONG = 0.5
"""Failing in every second round is strong enough: two or three of them make it sure."""

GAIN = 2.0
STRETCH = 8
MOST_DELAY_NS = 2_000_000

MOST_RUN_SECONDS = 3.0
"""A run may last so long for the sake of more rounds; some twenty of them fit in an effort."""


def look(search: Search) -> Tally:
    """Count how often the start fails as it came, and make that the search's base."""
    search.begin("measuring how often it fails")
    search.base = search.measure(search.best.plan, START_RUNS).tally
    return search.base


def strengthen(search: Search) -> None:
    """Find the form of the start that fails most often, and make it the search's base."""
    _write_out(search)
    _stretch(search)
    _add_rounds(search)


def _write_out(search: Search) -> None:
    """Exact delays are wanted for their own sake, and rare noise hardly ever repeats itself."""
    for plan in written_out(search.best):
        search.begin("writing out the delays that happened")
        sample = search.measure(plan, START_RUNS)
        if sample.hit is not None and sample.tally.is_no_rarer(search.base):
            search.accept(sample.hit)
            search.base = sample.tally
            return


def _stretch(search: Search) -> None:
    """Make all exact delays longer while that makes the failure much more likely.

    Threads start microseconds apart, differently every time. Longer delays keep their order in spite
    of that; they are shortened later, as far as the rate allows.
    """
    while search.base.per_round < STRONG:
        rules = search.best.plan.rules
        longer = tuple(map(_stretched, rules))
        if longer == rules:
            return
        search.begin("stretching the delays")
        sample = search.measure(with_rules(search.best.plan, longer), START_RUNS)
        if sample.hit is None or sample.tally.per_round < GAIN * search.base.per_round:
            return
        search.accept(sample.hit)
        search.base = sample.tally


def _stretched(rule: Rule) -> Rule:
    if rule.is_pin or not is_exact(rule):
        return rule
    most = max(min(STRETCH * rule.most_ns, MOST_DELAY_NS), rule.most_ns)
    # What spins or yields does so because it is short.
    action = Action.SLEEP if rule.action in (Action.SPIN, Action.YIELD) else rule.action
    return evolve(rule, action=action, least_ns=most, most_ns=most)


def _add_rounds(search: Search) -> None:
    """As many rounds as the rate asks for; eight times as many, and again, while nothing is hit."""
    tried = search.best.plan.rounds
    for _ in range(STRENGTHENINGS):
        tally = search.base
        wanted = rounds_for(tally.per_round) if tally.hits else 8 * tried
        rounds = min(wanted, _affordable_rounds(search))
        if tally.rate >= SURE or rounds <= tried:
            return
        search.begin(f"trying {rounds} rounds")
        sample = search.measure(evolve(search.best.plan, rounds=rounds), START_RUNS)
        if sample.hit is not None and sample.tally.rate >= tally.rate:
            search.accept(sample.hit)
            search.base = sample.tally
        tried = rounds


def _affordable_rounds(search: Search) -> int:
    evidence = search.best.evidence
    if evidence.seconds <= 0.0:
        return MOST_ROUNDS
    return int(MOST_RUN_SECONDS * max(evidence.rounds, 1) / evidence.seconds)


def fewer_rounds(search: Search) -> None:
    """As many rounds as the rate per round asks for, not more."""
    plan = search.best.plan
    if plan.rounds == 1:
        return
    search.begin("fitting the number of rounds")
    tally = search.measure(plan, START_RUNS).tally
    search.consider(evolve(plan, rounds=min(rounds_for(tally.per_round), plan.rounds)))


def plain_allocator(search: Search) -> None:
    """Try without the debug allocator: one thing less to set up for whoever debugs it."""
    if search.best.plan.allocator is Allocator.DEBUG:
        search.begin("trying the ordinary allocator")
        search.consider(evolve(loosened(search.best.plan), allocator=Allocator.DEFAULT))


def fewer_inner_functions(search: Search) -> None:
    """Try to redirect only those functions of the interpreter whose calls the plan names, or none."""
    plan = search.best.plan
    if plan.runtime:
        search.begin("trying with fewer functions inside the interpreter")
        search.consider(evolve(loosened(plan), runtime=_named_functions(plan)))


def _named_functions(plan: Plan) -> tuple[str, ...]:
    keys = [rule.site for rule in plan.rules]
    keys += [rule.until.site for rule in plan.rules if rule.until is not None]
    keys += [each.site for each in plan.schedule.switches] if plan.schedule is not None else []
    inner = f"{Kind.REDIRECT.value}:"
    return tuple(
        sorted({Site(key, Category.OP, ()).symbol for key in keys if key.startswith(inner)})
    )
