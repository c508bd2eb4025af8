"""The order of the passes, and the whole of one minimization.

Fewer threads, fewer calls, simpler arguments, fewer delays, shorter delays, pins, fewer rounds: the
order of `model.cost`, since a thing that is gone needs no simplifying. Before that noise is written
out and the rounds are fitted, so that a candidate without the delay that matters is seen to miss.
Where threads take turns the round is isolated first, and switches stand for delays; in the end what
is left of them is tried as pins. A failure of parallel threads is looked for there first.
"""

from collections.abc import Callable
from time import monotonic

from attrs import evolve

from stressor.minimize import leaps, schedule, surroundings
from stressor.minimize.confirm import settle
from stressor.minimize.effort import DEFAULT, Effort, Meter, Spent, never
from stressor.minimize.exact import spell_out
from stressor.minimize.faults import drop_rules, shorten_delays
from stressor.minimize.holds import hold_order
from stressor.minimize.odds import Tally
from stressor.minimize.pins import pin_delays
from stressor.minimize.program import drop_calls, drop_threads, simplify_arguments
from stressor.minimize.schedule import isolate, take_over
from stressor.minimize.search import CarryOut, Search, by_chance, ignore
from stressor.minimize.surroundings import (
    fewer_inner_functions,
    fewer_rounds,
    plain_allocator,
    strengthen,
)
from stressor.minimize.turns import by_turns
from stressor.model.plan import Plan
from stressor.model.trial import Trial

type Passes = tuple[Callable[[Search], None], ...]

PASSES: Passes = (
    fewer_rounds,
    drop_threads,
    drop_calls,
    simplify_arguments,
    spell_out,
    drop_rules,
    shorten_delays,
    pin_delays,
    fewer_rounds,
    plain_allocator,
    fewer_inner_functions,
)

TURN_PASSES: Passes = (
    leaps.try_pairs,
    drop_threads,
    drop_calls,
    leaps.merge_threads,
    leaps.draw_arguments,
    simplify_arguments,
    schedule.without_hooks,
    schedule.plain_home,
    plain_allocator,
    fewer_inner_functions,
    schedule.draw_fewer_switches,
    schedule.drop_switches,
    schedule.begin_with_first,
)

OFTEN = 0.9
"""Failing in such a part of its rounds a plan of pins only is what is wanted. Everything else that
fails in parallel threads is looked for under schedules."""

IN_PARALLEL_UNTIL = 0.6
"""The part of the effort after which parallel threads are looked at under schedules again."""

IN_TURNS_UNTIL = 0.85
"""The part of the effort for schedules; the rest is for pins."""

MOST_CYCLES = 3
"""A pass may make room for an earlier one; a third time has never found anything worth its runs."""

CONFIRMATIONS = 100
"""Runs for measuring the rate, in half of the effort's seconds. They come on top of the effort,
because a result without a measured rate is not one."""

HASTE = 5
"""A hang is waited for in every run that has one, wanted or not. While minimizing, a fifth of the
deadline has to do, which is still a second, and the kept plan has the whole."""


def minimize(
    trial: Trial,
    carry_out: CarryOut,
    effort: Effort = DEFAULT,
    tell: Callable[[Search], None] = ignore,
    stopped: Callable[[], bool] = never,
    clock: Callable[[], float] = monotonic,
) -> Trial:
    """A cheaper trial that fails in the same or an akin way, with its rate; the input at worst.

    `tell` is called whenever something else is tried and whenever the best changes; `stopped` is
    asked before every run, and what was reached until then is the result. Raises `ValueError` when
    the trial did not fail, and whatever `carry_out` raises.
    """
    search = Search(trial, hasty(carry_out), Meter(effort, clock, stopped), tell)
    found, ended = Tally(), False
    try:
        found = _look(search)
        ended = _reduce(search)
    except Spent:
        pass
    limit = search.meter.limit
    search.meter = Meter(Effort(effort.seconds / 2, CONFIRMATIONS), clock, stopped)
    search.begin("measuring the rate")
    small = settle(search, found)
    finished = ended and search.base.hits > 0
    is_new = small.plan != trial.plan
    cut_short = trial.cut_short  # of what was made small before and could not be made smaller
    if finished:
        cut_short = ""
    elif is_new or not (ended or trial.minimized):
        cut_short = limit
    minimized = finished or is_new or trial.minimized
    return evolve(small, minimized=minimized, cut_short=cut_short, origin=trial.origin)


def hasty(carry_out: CarryOut) -> CarryOut:
    """Carry out with a part of the deadline, and say it was the plan as given."""

    def run(plan: Plan) -> Trial:
        seconds = min(plan.limits.seconds, max(plan.limits.seconds / HASTE, 1.0))
        quick = evolve(plan, limits=evolve(plan.limits, seconds=seconds))
        return evolve(carry_out(quick), plan=plan)

    return run


def _look(search: Search) -> Tally:
    takes_turns = search.best.plan.schedule is not None
    return schedule.look(search) if takes_turns else surroundings.look(search)


def _reduce(search: Search) -> bool:
    """Everything, in the mode that makes the failure surer; True when nothing was cut short."""
    if search.best.plan.schedule is not None:
        if not search.base.hits:
            return True
        isolate(search)
        return _cycle_in_turns(search)
    if _is_ordered(search):
        return _cycle(search, PASSES)
    return _cycle_in_turns(search) if take_over(search) else _reduce_in_parallel(search)


def _is_ordered(search: Search) -> bool:
    return _has_pins_only(search.best.plan) and search.base.per_round >= OFTEN


def _has_pins_only(plan: Plan) -> bool:
    return all(rule.is_pin for rule in plan.rules)


def _reduce_in_parallel(search: Search) -> bool:
    """What is left is looked for under schedules once more: a short program has few of them."""
    strengthen(search)
    if not search.base.hits:
        return True
    finished = _up_to(IN_PARALLEL_UNTIL, search, PASSES)
    if not _has_pins_only(search.best.plan) and take_over(search):
        return _cycle_in_turns(search)
    return finished or _cycle(search, PASSES)


def _cycle_in_turns(search: Search) -> bool:
    search.reproduce = by_turns
    finished = _up_to(IN_TURNS_UNTIL, search, TURN_PASSES)
    search.reproduce = by_chance
    hold_order(search)
    return finished


def _up_to(until: float, search: Search, passes: Passes) -> bool:
    """All passes with a part of the effort; True when that was enough."""
    search.meter.until = until
    try:
        return _cycle(search, passes)
    except Spent:
        return False
    finally:
        search.meter.until = 1.0


def _cycle(search: Search, passes: Passes) -> bool:
    """All passes, until they find nothing more; True, which says that none was cut short."""
    for _ in range(MOST_CYCLES):
        before = search.best.plan
        for reduce in passes:
            reduce(search)
        if search.best.plan == before:
            break
    return True
