"""Divergences: where a controlled run left the schedule that it was given, or that another run took.

Two runs of one plan take the same choices as long as everything that they depend on is controlled;
what they have in common up to the first difference is where to look for what is not. Pure functions
from what was observed to words; that a divergence is no pass is `verdict`'s business.
"""

from stressor.model.evidence import Control, Divergence, Step, Why
from stressor.model.plan import ANY_STEP, Schedule, Switch
from stressor.model.schedule_record import Departure, Leave
from stressor.model.site import Phase

_AT_NO_VISIT = {
    Why.BEGIN: "the beginning of the round",
    Why.EXPIRED: "the end of a wait in virtual time",
    Why.WOKEN: "a wake from outside",
}


def first_difference(one: Control, other: Control) -> Divergence | None:
    """Compare two runs of the same plan; None when they took the same choices.

    The traces decide, since they cover choices that a record has no room for. `wanted` is what `one`
    did. When no known steps differ, `step` is the first one that is not known of both.
    """
    if (one.trace, one.count) == (other.trace, other.count):
        return None
    known = min(len(one.steps), len(other.steps))
    for number, (first, second) in enumerate(zip(one.steps, other.steps, strict=False)):
        if _told(first) != _told(second):
            return Divergence(number, _told(first), _told(second))
    return Divergence(known, _beyond(one, known), _beyond(other, known))


def left_course(
    schedule: Schedule, control: Control, departure: Departure | None
) -> Divergence | None:
    """Tell where a run left its schedule: at a switch that is bound to a step, or between them.

    Between them only the trace tells, and not where: `step` is then the number of all choices.
    """
    if departure is not None:
        return _departed(schedule, departure)
    if control.count == 0 or schedule.trace in ("", control.trace):
        return None
    return Divergence(
        control.count,
        f"a round with trace {schedule.trace}",
        f"trace {control.trace} after {control.count} choices, parting between two switches",
    )


def _departed(schedule: Schedule, departure: Departure) -> Divergence:
    # The record counts switches in the shim's order.
    switches = sorted(schedule.switches, key=_shim_order)
    came = "another one" if departure.came is None else _place(departure.came)
    if departure.switch >= len(switches):
        return Divergence(departure.step, f"switch {departure.switch}", came)
    switch = switches[departure.switch]
    wanted = f"{_place(switch)}, then thread {switch.to}"
    match departure.leave:
        case Leave.ELSEWHERE:
            return Divergence(departure.step, wanted, came)
        case Leave.UNREADY:
            return Divergence(
                departure.step, wanted, f"{came}, where thread {switch.to} could not run"
            )
        case Leave.MISSED:
            ended = f"the end of the round after {departure.step} choices"
            return Divergence(max(switch.step, 0), wanted, ended)


def _shim_order(switch: Switch) -> tuple[bool, int]:
    """Those with a step first, in the order of their steps; the others as they are in the plan."""
    return switch.step == ANY_STEP, switch.step


def _told(step: Step) -> str:
    return f"{_place(step)}, then thread {step.to}"


def _place(place: Step | Switch) -> str:
    """Where a choice is made. Nothing in it changes from run to run: no object, no address."""
    if place.site:
        side = "before" if place.phase is Phase.BEFORE else "after"
        return f"thread {place.thread} {side} {place.site} (visit {place.visit})"
    if place.thread >= 0:
        return f"the end of thread {place.thread}"
    why = place.why if isinstance(place, Step) else Why.BEGIN
    return _AT_NO_VISIT.get(why, "no visit")


def _beyond(control: Control, known: int) -> str:
    """What comes after the steps that two runs have in common."""
    if known == control.count:
        return f"the end of the round after {known} choices"
    if known < len(control.steps):
        return _told(control.steps[known])
    return f"{control.count} choices, trace {control.trace}"
