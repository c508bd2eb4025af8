"""Edits of a plan that keep it consistent: thread numbers and visit numbers follow the program.

Pure functions; whether an edited plan still fails is the search's question. A visit is counted per
thread and site, so leaving out a call moves the visits of the calls after it; how far is read from
the events of the trial, as far as the rings reach back.
"""

from collections.abc import Collection, Iterable, Sequence

from attrs import evolve

from stressor.model.evidence import Event
from stressor.model.plan import Call, Plan, Rule
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
    """Drop a thread with the rules about it; the threads above it move down by one."""
    rules = [_renumbered(rule, thread) for rule in plan.rules if not _names(rule, thread)]
    program = plan.program[:thread] + plan.program[thread + 1 :]
    return evolve(with_rules(plan, rules), program=program)


def without_calls(trial: Trial, thread: int, gone: Collection[int]) -> Plan:
    """Drop the calls with these indexes from one thread; rules on later visits are moved down."""
    plan = trial.plan
    kept = tuple(call for i, call in enumerate(plan.program[thread]) if i not in gone)
    events = trial.evidence.events[thread] if thread < len(trial.evidence.events) else ()
    moved = (_moved(rule, thread, gone, events) for rule in plan.rules)
    return _with_calls(with_rules(plan, (rule for rule in moved if rule)), thread, kept)


def _with_calls(plan: Plan, thread: int, calls: tuple[Call, ...]) -> Plan:
    return evolve(plan, program=(*plan.program[:thread], calls, *plan.program[thread + 1 :]))


def _names(rule: Rule, thread: int) -> bool:
    return rule.thread == thread or (rule.until is not None and rule.until.thread == thread)


def _renumbered(rule: Rule, gone: int) -> Rule:
    if rule.thread is not None and rule.thread > gone:
        rule = evolve(rule, thread=rule.thread - 1)
    if rule.until is not None and rule.until.thread > gone:
        rule = evolve(rule, until=evolve(rule.until, thread=rule.until.thread - 1))
    return rule


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
