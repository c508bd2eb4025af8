"""A controlled schedule in numbers: who chose, how often the turn changed hands, what is guaranteed.

The guarantee is PCT's (`strategies.bounds`); no other strategy has one.
"""

from collections.abc import Iterator

from stressor.model.evidence import Control, Why
from stressor.model.plan import Plan, Schedule, Spec
from stressor.model.trial import Trial
from stressor.report.plain import plain
from stressor.report.words import many
from stressor.strategies.bounds import pct_bound

PCT = "pct"
USUAL_DEPTH, USUAL_STEPS = 3, 1000
"""What a schedule that does not say them has (`native/src/scheduler_pct.c`)."""


def control_facts(trial: Trial) -> Iterator[str]:
    """Lines about the schedule; none for a trial whose threads ran in parallel."""
    plan, control = trial.plan, trial.evidence.control
    if plan.schedule is not None:
        yield f"one thread at a time; {_who_chose(plan.schedule)}"
    if control is not None and control.count:
        yield from _counts(control)
    if plan.schedule is not None and control is not None:
        yield from _guarantee(plan, plan.schedule, control)
    if control is not None and control.divergence is not None:
        found = control.divergence
        yield (
            f"it left the schedule at choice {found.step}: wanted was {plain(found.wanted)}, "
            f"actual was {plain(found.actual)}"
        )
    if control is not None and control.revoked:
        yield (
            f"{many(control.revoked, 'wait')} of a kind that is not modelled: the next run may go "
            "another way"
        )


def _who_chose(schedule: Schedule) -> str:
    given = many(len(schedule.switches), "switch", "switches")
    chooser = f"strategy {_spec(schedule.then)}"
    return f"{given} given, {chooser} for the rest" if schedule.switches else f"{chooser} chose"


def _spec(spec: Spec) -> str:
    numbers = ", ".join(f"{plain(name)} {value:g}" for name, value in spec.numbers.items())
    return f"{plain(spec.name)} ({numbers})" if numbers else plain(spec.name)


def _counts(control: Control) -> Iterator[str]:
    switched = [step for step in control.steps if step.thread >= 0 and step.to != step.thread]
    free = sum(step.why is Why.VISIT and step.thread in step.ready for step in switched)
    line = f"{many(control.count, 'choice')}; the turn changed hands {many(len(switched), 'time')}"
    if switched:
        line += f", {free} of them although the thread could have gone on"
    yield line
    if control.count > len(control.steps):
        yield f"only the first {len(control.steps)} choices are known"


def _guarantee(plan: Plan, schedule: Schedule, control: Control) -> Iterator[str]:
    """PCT's bound, for a schedule that it chose alone and that is no longer than it was told."""
    if schedule.then.name != PCT or schedule.switches:
        return
    depth = int(schedule.then.numbers.get("depth", USUAL_DEPTH))
    steps = int(schedule.then.numbers.get("steps", USUAL_STEPS))
    if depth < 1 or steps < 1:
        return
    if control.count > steps:
        yield f"no probability is guaranteed: the schedule is longer than the {steps} steps planned"
        return
    chance = pct_bound(plan.threads, steps, depth)
    yield (
        f"one such schedule shows a bug of depth {depth} with a probability of at least "
        f"{chance:.2g} ({many(plan.threads, 'thread')}, at most {many(steps, 'choice')})"
    )
