"""Candidates whose threads take turns: one run decides, and a miss is searched for again.

Decides how a controlled candidate counts as reproduced. The same schedule gives the same round, so
no count is needed; but a program that was edited visits other places, and what its switches say may
mean nothing there. Then schedules of the edited program are drawn, some hundred in one process, and
what fails is recorded. After "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs"
(Burckhardt et al., ASPLOS 2010): few changes of priority first, since those leave few switches.
"""

from collections.abc import Callable, Iterator, Sequence

from attrs import evolve

from stressor.minimize.edits import has_hooks, taking_turns
from stressor.minimize.search import Search, by_chance
from stressor.model.cost import CERTAIN
from stressor.model.evidence import Control
from stressor.model.plan import Plan, Schedule, Spec
from stressor.model.trial import Trial
from stressor.schedules.recorded import recorded, recordings

ROUNDS = 300
"""Schedules of one batch. PCT misses an order of two threads with one place among k = 100 choices with
at most (1 - 1 / 200) ** 300 = 22 %; among k = 30 with less than 1 %."""

CHOICES = 200_000
"""Of one batch, for longer programs fewer rounds: at some microseconds each it takes a second."""

STEPS = 200
"""Choices of a round while nothing is known."""

SEARCHED_UNTIL = 0.8
"""The part of the effort after which no candidate is searched for again: what is left is for
leaving out switches."""

type Drawn = Callable[[int], Spec]


def _pct(depth: int) -> Drawn:
    return lambda steps: Spec("pct", {"depth": float(depth), "steps": float(steps)})


DRAWN: tuple[Drawn, ...] = (_pct(3), lambda steps: Spec("walk"))
"""Made of the length of a round: few preemptions first, then anything."""

FEWEST: tuple[Drawn, ...] = (_pct(2),)
"""One preemption."""


def by_turns(search: Search, plan: Plan) -> Trial | None:
    """The surest form of what failed, of the plan or of schedules drawn for it; else None.

    Raises `Spent`.
    """
    if plan.schedule is None:
        return by_chance(search, plan)
    trial = search.run(plan)
    if search.is_hit(trial):
        return firm(search, trial)
    if trial.evidence.control is None or not _is_worth_searching(search, plan):
        return None
    for batch in drawn(plan, trial.evidence.control):
        if search.meter.share > SEARCHED_UNTIL:
            break
        found = search.run(batch)
        if search.is_hit(found):
            return firm(search, found)
    return None


def _is_worth_searching(search: Search, plan: Plan) -> bool:
    """Once, where more than the switches and the arguments are other than those of the best.

    Simpler arguments hardly ever move a visit, and there are many to try.
    """
    if was_searched(search, plan):
        return False
    search.searched.add(_place(plan))
    return _shape(plan) != _shape(search.best.plan)


def was_searched(search: Search, plan: Plan) -> bool:
    """Whether schedules were drawn for the same program and surroundings, in vain."""
    return _place(plan) in search.searched


def _place(plan: Plan) -> str:
    return repr((plan.program, plan.home, has_hooks(plan), plan.allocator))


def _shape(plan: Plan) -> object:
    ops = [[call.op for call in calls] for calls in plan.program]
    return ops, plan.home, has_hooks(plan), plan.allocator, plan.schedule is None


def drawn(plan: Plan, control: Control | None, wanted: Sequence[Drawn] = DRAWN) -> Iterator[Plan]:
    """Batches of schedules of the plan's program; `control` is of a round of it, for its length."""
    steps = max(control.count, 2) if control is not None and control.count else STEPS
    rounds = max(min(ROUNDS, CHOICES // steps), 1)
    for spec in wanted:
        yield taking_turns(plan, Schedule(spec(steps), hooks=has_hooks(plan)), rounds)


def firm(search: Search, hit: Trial) -> Trial:
    """The surest form of a hit: its exact recording, its switches, its rounds, or as it is."""
    if is_isolated(hit.plan):
        return _traced(search, hit)
    for form in (*recordings(hit), _cut(hit)):
        if form is None or form == hit.plan:
            continue
        again = search.run(form)
        if search.is_hit(again):
            return _traced(search, again) if is_isolated(form) else again
    return hit


def is_isolated(plan: Plan) -> bool:
    """Whether the plan is one round whose every choice is known."""
    schedule = plan.schedule
    return schedule is not None and schedule.then.name == CERTAIN and plan.rounds == 1


def is_exact(plan: Plan) -> bool:
    """Whether, on top, a run that goes another way is noticed."""
    return is_isolated(plan) and plan.schedule is not None and plan.schedule.trace != ""


def _cut(hit: Trial) -> Plan | None:
    """The batch up to the round that failed: the rounds before it may have prepared it."""
    rounds = hit.evidence.rounds
    return evolve(hit.plan, rounds=rounds) if 0 < rounds < hit.plan.rounds else None


def _traced(search: Search, hit: Trial) -> Trial:
    """The recording with steps and trace, where it fails again on its course; else the hit."""
    plan = recorded(hit)
    if plan is None or plan == hit.plan:
        return hit
    again = search.run(plan)
    control = again.evidence.control
    on_course = control is not None and control.divergence is None
    return again if on_course and search.is_hit(again) else hit
