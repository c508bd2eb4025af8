"""From noise to the delays that really happened: a list of exact visits instead of chances.

Decides which delays of the failing round become rules. Noise decides anew in every round, so the
failure needs luck; the same delays in every round need less. The events hold what the shim did.
"""

from collections.abc import Iterable, Iterator

from stressor.minimize.edits import with_rules
from stressor.minimize.search import Search
from stressor.model.evidence import Event
from stressor.model.plan import Action, Plan, Rule
from stressor.model.trial import Trial

MOST_RULES = 64
"""More delays than this are cut to the longest: all are evaluated at every visit."""

_PASSES_TIME = (Action.SPIN, Action.SLEEP, Action.DETACH, Action.YIELD)


def is_exact(rule: Rule) -> bool:
    """Whether the rule acts at one visit of one thread, always, and for a known time."""
    return (
        rule.thread is not None
        and rule.visit is not None
        and rule.chance == 1.0
        and rule.least_ns == rule.most_ns
    ) or rule.is_pin


def spell_out(search: Search) -> None:
    """Exchange what noise is left for the delays that happened."""
    for plan in written_out(search.best):
        search.begin("writing out the delays that happened")
        if search.replace(plan):
            return


def written_out(trial: Trial) -> Iterator[Plan]:
    """The plan with the trial's own delays for rules: all of them, then the last of each thread.

    What happened last is the likeliest cause; what went before may only have made rounds slower.
    Nothing when the rules are exact already, or when no delay is known.
    """
    if all(map(is_exact, trial.plan.rules)):
        return
    happened = delays_of(trial)
    if happened:
        yield with_rules(trial.plan, happened)
    last = [delay for delay in _last_of_each_thread(trial) if delay in happened]
    if last and len(last) < len(happened):
        yield with_rules(trial.plan, last)


def delays_of(trial: Trial) -> tuple[Rule, ...]:
    """The delays of the trial's last round in the order in which they began, and its pins."""
    pins = tuple(rule for rule in trial.plan.rules if rule.is_pin)
    events = [event for thread in trial.evidence.events for event in thread if _is_delay(event)]
    longest = sorted(events, key=lambda event: event.ns, reverse=True)[: MOST_RULES - len(pins)]
    return pins + tuple(map(_rule_of, sorted(longest, key=lambda event: event.at)))


def _last_of_each_thread(trial: Trial) -> Iterable[Rule]:
    for thread in trial.evidence.events:
        delays = [event for event in thread if _is_delay(event)]
        if delays:
            yield _rule_of(max(delays, key=lambda event: event.at))


def _is_delay(event: Event) -> bool:
    # Threads below zero were not started by the trial: no rule can name them.
    return event.action in _PASSES_TIME and event.thread >= 0


def _rule_of(event: Event) -> Rule:
    return Rule(
        event.action,
        event.site,
        event.phase,
        event.thread,
        event.visit,
        least_ns=_rounded_up(event.ns),
        most_ns=_rounded_up(event.ns),
    )


def _rounded_up(ns: int) -> int:
    """To two significant digits: what really happened was never so exact."""
    unit = int(10 ** max(len(str(ns)) - 2, 0))
    return -(-ns // unit) * unit
