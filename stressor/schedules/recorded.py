"""From what a controlled round did to a plan that does it again: one round, and a switch for each
choice that the scheduler "first" would have made otherwise.

Decides nothing about whether the recording holds; that takes a run. A crash ends the steps and not
their meaning: they lie in the record, which survives it.
"""

from collections.abc import Iterable

from attrs import evolve

from stressor.model.bounds import MOST_SWITCHES
from stressor.model.evidence import Step, Why
from stressor.model.plan import ANY_STEP, Plan, Schedule, Spec, Switch
from stressor.model.trial import Trial
from stressor.schedules.order import usual


def recorded(trial: Trial) -> Plan | None:
    """The plan that repeats the last round of a controlled trial, alone in its process.

    None when the steps are not known to their end, or have more switches than the shim takes.
    """
    control = trial.evidence.control
    if control is None:
        return None
    return _with(trial, switches_of(control.steps), control.trace)


def recorded_untraced(trial: Trial) -> Plan | None:
    """The same switches at the same choices, whatever is visited in between.

    For a round that ran after others in its process: alone, the first use of something may visit
    more places than the tenth does.
    """
    control = trial.evidence.control
    return None if control is None else _with(trial, switches_of(control.steps))


def recorded_by_visit(trial: Trial) -> Plan | None:
    """The switches wherever their visits come up: for when the numbers of the choices moved."""
    control = trial.evidence.control
    return None if control is None else _with(trial, visit_switches_of(control.steps))


def recordings(trial: Trial) -> tuple[Plan, ...]:
    """What may repeat a round that ran among others, alone; the likeliest first, empty for none.

    What a process does for the first time shifts the choices; the visits it shifts less.
    """
    forms = (recorded_untraced(trial), recorded_by_visit(trial))
    return tuple(form for form in forms if form is not None)


def switches_of(steps: Iterable[Step]) -> tuple[Switch, ...]:
    """The choices that "first" would have made otherwise, each bound to its step."""
    return tuple(
        switch_at(number, step, step.to)
        for number, step in enumerate(steps)
        if step.to != usual(step)
    )


def visit_switches_of(steps: Iterable[Step]) -> tuple[Switch, ...]:
    """The same without steps. Those of a thread that waited or was not there are left out: it is at
    no visit, or still at one that a switch would then apply to.
    """
    return tuple(
        switch_at(ANY_STEP, step, step.to)
        for step in steps
        if step.to != usual(step) and is_at_visit(step)
    )


def is_at_visit(step: Step) -> bool:
    """Whether the choice is the first at a visit, so that the visit alone names it."""
    return step.why in (Why.VISIT, Why.YIELD)


def switch_at(number: int, step: Step, to: int) -> Switch:
    """Choosing `to` at this step, whose number is given."""
    return Switch(step.thread, step.site, step.visit, step.phase, to, number)


def _with(trial: Trial, switches: tuple[Switch, ...], trace: str = "") -> Plan | None:
    schedule, control = trial.plan.schedule, trial.evidence.control
    if schedule is None or control is None or not 0 < control.count == len(control.steps):
        return None
    if len(switches) > MOST_SWITCHES:
        return None
    exact = Schedule(Spec("first"), switches, schedule.hooks, trace)
    return evolve(trial.plan, schedule=exact, rounds=1)
