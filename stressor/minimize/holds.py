"""From an exact schedule to pins: the same order without anybody taking turns.

Decides which visits wait for which. A schedule is a row of stretches, in each of which one thread
runs from where it stood to where it stops; so each stretch but the first is a hold where its thread
stood, until the thread before it has passed its last visit. A thread that waits in a lock needs no
hold: the lock's own order is the same. Most holds turn out to be needless, and go like other rules.
"""

from collections.abc import Iterable, Sequence

from attrs import define, evolve, field

from stressor.minimize.faults import drop_rules
from stressor.minimize.odds import Quorum
from stressor.minimize.pins import HOLD_NS
from stressor.minimize.search import Search
from stressor.minimize.turns import is_isolated
from stressor.model.evidence import Step, Why
from stressor.model.plan import Action, Plan, Rule, Spec, Until
from stressor.model.trial import Trial

MOST_HOLDS = 24
"""A schedule of more stretches has no order that a person would follow."""

IN_A_ROW = Quorum(5, 5)
"""What left the turnstile must fail every time; the whole count is taken in the end."""


def hold_order(search: Search) -> None:
    """Exchange the turnstile for holds, where the failure is as sure without it."""
    control = search.best.evidence.control
    if not is_isolated(search.best.plan) or control is None:
        return
    search.begin("trying the same order without taking turns")
    before, search.reproduce = search.reproduce, without_fail
    for rules in orders(control.steps):
        plan = evolve(search.best.plan, schedule=None, rules=rules, strategy=Spec("none"))
        if search.replace(plan):
            drop_rules(search)
            break
    search.reproduce = before


def without_fail(search: Search, plan: Plan) -> Trial | None:
    """A failing run of a plan that never missed, and none of whose holds ended by its deadline."""
    sample = search.sample(plan, IN_A_ROW)
    if sample.hit is None or sample.tally.misses or _any_expired(sample.hit):
        return None
    return sample.hit


def _any_expired(trial: Trial) -> bool:
    return any(event.expired for ring in trial.evidence.events for event in ring)


def orders(steps: Sequence[Step]) -> Iterable[tuple[Rule, ...]]:
    """Holds for all stretches; then for those of threads that had begun, who are not their first."""
    every = holds_of(steps)
    if 0 < len(every) <= MOST_HOLDS:
        yield every
        starts = {(step.thread, step.site, step.visit, step.phase) for step in _starts(steps)}
        later = tuple(
            rule for rule in every if (rule.thread, rule.site, rule.visit, rule.phase) not in starts
        )
        if 0 < len(later) < len(every):
            yield later


def holds_of(steps: Sequence[Step]) -> tuple[Rule, ...]:
    """A hold for each stretch that does not begin the round and whose thread could be held."""
    course = _Course({step.thread: step for step in _starts(steps)})
    holds = []
    for step in steps:
        course.come_to(step)
        if step.to != step.thread and step.thread >= 0:
            hold = course.hold(step)
            holds += [hold] if hold is not None else []
    return tuple(dict.fromkeys(holds))


def _starts(steps: Iterable[Step]) -> list[Step]:
    """The first visit of each thread."""
    starts: dict[int, Step] = {}
    for step in steps:
        if step.site:
            starts.setdefault(step.thread, step)
    return list(starts.values())


@define
class _Course:
    """Where each thread stands, which side it has passed last, and who stands in a call's midst."""

    starts: dict[int, Step]
    at: dict[int, Step] = field(factory=dict)
    passed: dict[int, Step] = field(factory=dict)
    midst: set[int] = field(factory=set)

    def come_to(self, step: Step) -> None:
        thread, here = step.thread, self.at.get(step.thread)
        if step.site and here is not None and _is_same(step, here):
            # Chosen again at one visit: it is past that side, and waits or spins in the call.
            self.midst.add(thread)
            self.passed[thread] = step
        elif step.site:
            self.midst.discard(thread)
            if here is not None:
                self.passed[thread] = here
            self.at[thread] = step
        elif step.why is Why.ENDED and here is not None:
            self.passed[thread] = here

    def hold(self, step: Step) -> Rule | None:
        """`step.to` waits where it stands until the thread that gave it the turn has passed by."""
        stands = self.at.get(step.to) or self.starts.get(step.to)
        passed = self.passed.get(step.thread)
        if stands is None or passed is None or step.to in self.midst:
            return None
        until = Until(passed.thread, passed.site, passed.visit, passed.phase)
        return Rule(
            Action.HOLD,
            stands.site,
            stands.phase,
            stands.thread,
            stands.visit,
            most_ns=HOLD_NS,
            until=until,
        )


def _is_same(step: Step, other: Step) -> bool:
    return (step.site, step.visit, step.phase) == (other.site, other.visit, other.phase)
