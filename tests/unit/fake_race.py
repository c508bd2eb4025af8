"""A race that exists only as arithmetic: a carry-out function without threads or processes.

One reader visits `READ` once per call of "read"; if it is delayed there for long enough while another
thread calls "write", the round fails with a high chance; without the delay with a low one. Everything
else (threads, calls, arguments, other delays) is ballast that a minimizer should remove.
"""

from random import Random

from attrs import define, evolve, field, frozen

from stressor.model.evidence import CallResult, CallStatus, End, Ending, Event, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action, Call, Plan, Rule
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Trial

READ = "call:_cache:PyDict_GetItem+0x10"
WRITE = "call:_cache:PyDict_SetItem+0x20"
BUG = Signature(FailureKind.CRASH, "cache.c:lookup")
OTHER = Signature(FailureKind.EXCEPTION, "cache.c:other")

SITES = (
    Site(READ, Category.BORROWED_REF, (Phase.AFTER,), visits=4),
    Site(WRITE, Category.CONTAINER, (Phase.BEFORE, Phase.AFTER), visits=4),
)


@frozen
class Odds:
    """Chance per round that a round with (without) the delay that matters fails."""

    widened: float = 0.9
    plain: float = 0.002
    other: float = 0.0


@define
class Race:
    """Call it with a plan. `runs` counts, `plans` remembers."""

    rng: Random
    odds: Odds = field(factory=Odds)
    enough_ns: int = 100_000
    runs: int = 0
    plans: list[Plan] = field(factory=list)

    def __call__(self, plan: Plan) -> Trial:
        self.runs += 1
        self.plans.append(plan)
        for number in range(1, plan.rounds + 1):
            events = tuple(self._thread(plan, thread) for thread in range(plan.threads))
            if self.rng.random() < self._chance(plan, events):
                return _trial(plan, number, events, BUG)
            if self.rng.random() < self.odds.other:
                return _trial(plan, number, events, OTHER)
        return _trial(plan, plan.rounds, (), None)

    def _chance(self, plan: Plan, events: tuple[tuple[Event, ...], ...]) -> float:
        writers = {t for t, calls in enumerate(plan.program) if Call("write") in map(_op, calls)}
        readers = {t for t, calls in enumerate(plan.program) if Call("read") in map(_op, calls)}
        if not any(writers - {reader} for reader in readers):
            return 0.0
        wide = any(
            event.site == READ
            and writers - {event.thread}
            and (event.ns >= self.enough_ns or self._is_held(plan, event, writers))
            for thread in events
            for event in thread
        )
        return self.odds.widened if wide else self.odds.plain

    def _is_held(self, plan: Plan, event: Event, writers: set[int]) -> bool:
        untils = [rule.until for rule in plan.rules if event.action is Action.HOLD]
        return any(u is not None and u.site == WRITE and u.thread in writers for u in untils)

    def _thread(self, plan: Plan, thread: int) -> tuple[Event, ...]:
        """A READ or WRITE visit per call; the n-th write comes just after the n-th read."""
        visits = {READ: 0, WRITE: 0}
        events = []
        for index, call in enumerate(plan.program[thread]):
            site = READ if call.op == "read" else WRITE
            visits[site] += 1
            action, ns = self._decide(plan, thread, site, visits[site])
            at = 1_000_000 * index + (500_000 if site == WRITE else 0)
            event = Event(thread, at, site, visits[site], Phase.AFTER, action, ns, call=index)
            events.append(event)
        return tuple(events)

    def _decide(self, plan: Plan, thread: int, site: str, visit: int) -> tuple[Action, int]:
        for rule in plan.rules:
            if _matches(rule, thread, site, visit) and self.rng.random() < rule.chance:
                if rule.is_pin:
                    return Action.HOLD, 0
                return rule.action, self.rng.randint(rule.least_ns, rule.most_ns)
        return Action.GO, 0


def _op(call: Call) -> Call:
    return Call(call.op)


def _matches(rule: Rule, thread: int, site: str, visit: int) -> bool:
    return (
        rule.site in ("*", site)
        and rule.thread in (None, thread)
        and rule.visit in (None, visit)
        and rule.phase in (None, Phase.AFTER)
    )


def _trial(
    plan: Plan, rounds: int, events: tuple[tuple[Event, ...], ...], found: Signature | None
) -> Trial:
    status = CallStatus.RETURNED
    calls = tuple(tuple(CallResult(call.op, status) for call in calls) for calls in plan.program)
    ending = Ending(End.SIGNALLED, 11) if found else Ending(End.EXITED, 0)
    evidence = Evidence(ending, rounds, calls=calls, events=events, sites=SITES)
    evidence = evolve(evidence, seconds=0.01 * rounds)
    failures = (Failure(found, "crashed"),) if found else ()
    return Trial(plan, evidence, Outcome(Verdict.FAILED if found else Verdict.PASSED, failures))


def failing_trial(race: Race, plan: Plan, tries: int = 200) -> Trial:
    """Run until it fails with the bug, as a campaign would have."""
    for _ in range(tries):
        trial = race(plan)
        if trial.outcome.signature == BUG:
            return trial
    raise AssertionError("the fake race never failed")
