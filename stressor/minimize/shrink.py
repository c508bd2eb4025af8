"""The order of the passes, and the whole of one minimization.

Fewer threads, fewer calls, simpler arguments, fewer delays, shorter delays, pins, fewer rounds: the
order of `model.cost`, since a thing that is gone needs no simplifying. Before that noise is written
out and the rounds are fitted, so that a candidate without the delay that matters is seen to miss.
"""

from collections.abc import Callable
from time import monotonic

from attrs import evolve

from stressor.minimize.confirm import settle
from stressor.minimize.effort import DEFAULT, Effort, Meter, Spent, never
from stressor.minimize.exact import spell_out
from stressor.minimize.faults import drop_rules, shorten_delays
from stressor.minimize.odds import Tally
from stressor.minimize.pins import pin_delays
from stressor.minimize.program import drop_calls, drop_threads, simplify_arguments
from stressor.minimize.search import CarryOut, Search, ignore
from stressor.minimize.surroundings import fewer_rounds, plain_allocator, strengthen
from stressor.model.outcome import FailureKind
from stressor.model.plan import Plan
from stressor.model.trial import Trial

PASSES: tuple[Callable[[Search], None], ...] = (
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
)

MOST_CYCLES = 3
"""A pass may make room for an earlier one; a third time has never found anything worth its runs."""

CONFIRMATIONS = 100
"""Runs for measuring the rate, in half of the effort's seconds. They come on top of the effort,
because a result without a measured rate is not one."""

HASTE = 5
"""A hang is waited for in every run that has it. While it is minimized, a fifth of the deadline has to
do, which is still a second, and the kept plan has the whole."""


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
    if trial.outcome.signature is not None and trial.outcome.signature.kind is FailureKind.HANG:
        carry_out = hasty(carry_out)
    search = Search(trial, carry_out, Meter(effort, clock, stopped), tell)
    found, finished = Tally(), False
    try:
        found = strengthen(search)
        finished = search.base.hits > 0 and _cycle(search)
    except Spent:
        pass
    search.meter = Meter(Effort(effort.seconds / 2, CONFIRMATIONS), clock, stopped)
    search.begin("measuring the rate")
    small = settle(search, found)
    return evolve(small, minimized=finished or small.plan != trial.plan, origin=trial.origin)


def hasty(carry_out: CarryOut) -> CarryOut:
    """Carry out with a part of the deadline, and say it was the plan as given."""

    def run(plan: Plan) -> Trial:
        seconds = min(plan.limits.seconds, max(plan.limits.seconds / HASTE, 1.0))
        quick = evolve(plan, limits=evolve(plan.limits, seconds=seconds))
        return evolve(carry_out(quick), plan=plan)

    return run


def _cycle(search: Search) -> bool:
    """All passes, until they find nothing more; True, which says that none was cut short."""
    for _ in range(MOST_CYCLES):
        before = search.best.plan
        for reduce in PASSES:
            reduce(search)
        if search.best.plan == before:
            break
    return True
