"""Edits of a plan that keep it consistent: thread numbers and visit numbers follow the program.

Pure functions; whether an edited plan still fails is the search's question. A visit is counted per
thread and site, so leaving out a call moves the visits of the calls after it; how far is read from
the events of the trial, as far as the rings reach back. Every edit but of rules moves the choices of
a schedule, so its switches lose their steps and are taken wherever their visits come up.
"""

from collections.abc import Collection, Iterable, Sequence

from attrs import evolve

from stressor.model.evidence import Event
from stressor.model.plan import ANY_STEP, Call, Plan, Rule, Schedule, Spec, Switch
from stressor.model.trial import Trial


def with_rules(plan: Plan, rules: Iterable[Rule]) -> Plan:
    """The plan with other rules."""
    return evolve(plan, rules=tuple(rules))


def without_rules(plan: Plan, start: int, stop: int) -> Plan:
    """The plan without the rules at start..stop-1."""
    return with_rules(plan, plan.rules[:start] + plan.rules[stop:])


def with_rule(plan: Plan, index: int, rule: Rule) -> Plan:
    """The plan with one rule exchanged."""
    return with_rules(plan, (*plan.rules[:index], rule, *plan.rules[index + 1 :]))


def with_call(plan: Plan, thread: int, index: int, call: Call) -> Plan:
    """The plan with one call exchanged."""
    calls = plan.program[thread]
    return _with_calls(plan, thread, (*calls[:index], call, *calls[index + 1 :]))


def without_thread(plan: Plan, thread: int) -> Plan:
    """Drop a thread with what is said of it; the threads above it move down by one."""
    rules = [_renumbered(rule, thread) for rule in plan.rules if not _names(rule, thread)]
    switches = [
        evolve(switch, thread=_below(switch.thread, thread), to=_below(switch.to, thread))
        for switch in switches_of(plan)
        if thread not in (switch.thread, switch.to)
    ]
    return evolve(
        loosened(with_switches(with_rules(plan, rules), switches)),
        program=plan.program[:thread] + plan.program[thread + 1 :],
        home=None if plan.home is None or plan.home == thread else _below(plan.home, thread),
    )


def without_calls(trial: Trial, thread: int, gone: Collection[int]) -> Plan:
    """Drop the calls with these indexes from one thread; what is said of later visits is moved down."""
    plan = trial.plan
    kept = tuple(call for i, call in enumerate(plan.program[thread]) if i not in gone)
    events = trial.evidence.events[thread] if thread < len(trial.evidence.events) else ()
    rules = (_moved(rule, thread, gone, events) for rule in plan.rules)
    switches = (_moved_switch(switch, thread, gone, events) for switch in switches_of(plan))
    plan = with_rules(plan, (rule for rule in rules if rule))
    plan = with_switches(plan, (switch for switch in switches if switch))
    return _with_calls(plan, thread, kept)


def switches_of(plan: Plan) -> tuple[Switch, ...]:
    """Of its schedule; none where threads run in parallel."""
    return plan.schedule.switches if plan.schedule is not None else ()


def with_switches(plan: Plan, switches: Iterable[Switch]) -> Plan:
    """The plan with other switches, and without a trace, which would be another one."""
    if plan.schedule is None:
        return plan
    return evolve(plan, schedule=evolve(plan.schedule, switches=tuple(switches), trace=""))


def loosened(plan: Plan) -> Plan:
    """The switches wherever their visits come up, each once."""
    return with_switches(plan, _loose(switches_of(plan)))


def without_switches(plan: Plan, start: int, stop: int) -> Plan:
    """Leave out the switches at start..stop-1: what comes after them moves, what is before does not."""
    switches = switches_of(plan)
    return with_switches(plan, (*switches[:start], *_loose(switches[stop:])))


def beginning_with(plan: Plan, thread: int) -> Plan:
    """Number the threads so that `thread` is 0, going round.

    The scheduler "first" goes round by number too, so that but for the beginning each choice stays
    the same.
    """

    def moved(old: int) -> int:
        return (old - thread) % plan.threads if old >= 0 else old

    switches = [
        evolve(switch, thread=moved(switch.thread), to=moved(switch.to))
        for switch in switches_of(plan)
    ]
    return evolve(
        with_switches(plan, switches),
        program=plan.program[thread:] + plan.program[:thread],
        home=None if plan.home is None else moved(plan.home),
    )


def _begins(switch: Switch) -> bool:
    """Whether it says who is the first of the round."""
    return switch.thread < 0 and switch.step in (0, ANY_STEP)


def taking_turns(plan: Plan, schedule: Schedule, rounds: int = 1) -> Plan:
    """The plan's program under this schedule; home and surroundings stay, the strategy is over."""
    return evolve(plan, rules=(), schedule=schedule, rounds=rounds, strategy=Spec("none"))


def in_turns(plan: Plan) -> Plan:
    """The plan's program with its threads one after the other."""
    return taking_turns(plan, Schedule(hooks=has_hooks(plan)))


def has_hooks(plan: Plan) -> bool:
    """Whether destructions and allocations are places for a choice."""
    return plan.schedule is not None and plan.schedule.hooks


def _loose(switches: Iterable[Switch]) -> Iterable[Switch]:
    # Without a thread and a step a switch is about the beginning; later it was about a wake.
    return (
        evolve(switch, step=ANY_STEP)
        for switch in switches
        if switch.thread >= 0 or _begins(switch)
    )


def _with_calls(plan: Plan, thread: int, calls: tuple[Call, ...]) -> Plan:
    program = (*plan.program[:thread], calls, *plan.program[thread + 1 :])
    return evolve(loosened(plan), program=program)


def _below(thread: int, gone: int) -> int:
    return thread - (thread > gone)


def _names(rule: Rule, thread: int) -> bool:
    return rule.thread == thread or (rule.until is not None and rule.until.thread == thread)


def _renumbered(rule: Rule, gone: int) -> Rule:
    if rule.thread is not None:
        rule = evolve(rule, thread=_below(rule.thread, gone))
    if rule.until is not None:
        rule = evolve(rule, until=evolve(rule.until, thread=_below(rule.until.thread, gone)))
    return rule


def _moved_switch(
    switch: Switch, thread: int, gone: Collection[int], events: Sequence[Event]
) -> Switch | None:
    """The switch with its visit counted anew, None when that is gone."""
    if switch.thread != thread or switch.site == "":
        return switch
    visit = _visit_without(switch.site, switch.visit, gone, events)
    return None if visit is None else evolve(switch, visit=visit)


def _moved(rule: Rule, thread: int, gone: Collection[int], events: Sequence[Event]) -> Rule | None:
    """The rule with its visits counted anew, None when a visit it names is gone."""
    if rule.thread == thread and rule.visit is not None:
        visit = _visit_without(rule.site, rule.visit, gone, events)
        if visit is None:
            return None
        rule = evolve(rule, visit=visit)
    if rule.until is not None and rule.until.thread == thread:
        visit = _visit_without(rule.until.site, rule.until.visit, gone, events)
        if visit is None:
            return None
        rule = evolve(rule, until=evolve(rule.until, visit=visit))
    return rule


def _visit_without(
    site: str, visit: int, gone: Collection[int], events: Sequence[Event]
) -> int | None:
    gone_visits = {event.visit for event in events if event.site == site and event.call in gone}
    if visit in gone_visits:
        return None
    return visit - sum(1 for earlier in gone_visits if earlier < visit)
