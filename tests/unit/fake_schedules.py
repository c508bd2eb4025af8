"""A harness that exists only as arithmetic, for minimizing what its threads do in turns.

"get" looks at an object and then uses it, "put" replaces it, "idle" does something else; a put between
the two of a get is the failure. Sites are those of the operations, so that they outlive renumbered
threads. In parallel a hold keeps its order, and everything else is left to chance.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

from attrs import define, evolve, field

from stressor.model.evidence import (
    CallResult,
    CallStatus,
    Control,
    Divergence,
    End,
    Ending,
    Evidence,
    Step,
    Why,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import ANY_STEP, Call, Plan, Schedule, Switch
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.schedules.order import usual

TORN = Signature(FailureKind.CRASH, "box.c:get")
DOES = {"get": ("look", "use"), "put": ("replace",), "idle": ("wait",)}


@define
class Box:
    """A carry-out of plans. `plans` remembers; `carried` makes it fail from the n-th bad round on."""

    seed: int = 0
    carried: int = 1
    holds_work: bool = True
    forgetful: bool = False
    plans: list[Plan] = field(factory=list)

    def __call__(self, plan: Plan) -> Trial:
        self.plans.append(plan)
        torn = 0
        one = _Round(plan, Random(0))
        for number in range(1, plan.rounds + 1):
            runs = len(self.plans) if self.forgetful or plan.schedule is None else ""
            one = _Round(plan, Random(f"{self.seed} {plan.seed} {number} {runs}"), self.holds_work)
            one.run()
            torn += one.torn
            if torn >= self.carried:
                return _ended(plan, number, one, TORN)
        return _ended(plan, plan.rounds, one, None)


@define
class _Round:
    plan: Plan
    random: Random
    holds_work: bool = True
    steps: list[Step] = field(factory=list)
    torn: bool = False
    divergence: Divergence | None = None
    _looking: set[int] = field(factory=set)
    _visits: Counter[tuple[int, str]] = field(factory=Counter)
    _at: dict[int, tuple[str, int]] = field(factory=dict)
    _passed: set[tuple[int, str, int]] = field(factory=set)

    def run(self) -> None:
        """One stretch of a thread after the other until all have ended."""
        left = {thread: self._thread(thread) for thread in range(self.plan.threads)}
        taken: set[Switch] = set()
        thread, site, visit, why = -1, "", 0, Why.BEGIN
        while left:
            if thread >= 0:
                site, visit = next(left[thread], ("", 0))
                why = Why.VISIT if site else Why.ENDED
            if why is Why.ENDED:
                del left[thread]
            ready = tuple(left)
            if ready:
                to = self._choose(Step(thread, site, visit, Phase.BEFORE, -1, why, ready), taken)
                self.steps.append(Step(thread, site, visit, Phase.BEFORE, to, why, ready))
                thread = to

    def _thread(self, thread: int) -> Iterator[tuple[str, int]]:
        """Site and visit, then what is done there."""
        for call in self.plan.program[thread]:
            for does in DOES[call.op]:
                site = f"call:box:{does}+0x1"
                self._visits[thread, site] += 1
                visit = self._visits[thread, site]
                self._at[thread] = (site, visit)
                yield site, visit
                self._passed.add((thread, site, visit))
                self._do(thread, does)

    def _do(self, thread: int, does: str) -> None:
        if does == "look":
            self._looking.add(thread)
        elif does == "use":
            self._looking.discard(thread)
        elif does == "replace":
            self.torn = self.torn or bool(self._looking - {thread})

    def _choose(self, step: Step, taken: set[Switch]) -> int:
        schedule = self.plan.schedule
        if schedule is None:
            free = [thread for thread in step.ready if not self._is_held(thread)]
            return self.random.choice(free or step.ready)
        for switch in schedule.switches:
            here = (switch.thread, switch.site, switch.visit) == (
                step.thread,
                step.site,
                step.visit,
            )
            if switch.step == len(self.steps) and not self.divergence:
                if here and switch.to in step.ready:
                    return switch.to
                self.divergence = Divergence(len(self.steps), str(switch), str(step))
            if switch.step == ANY_STEP and here and switch not in taken and switch.to in step.ready:
                taken.add(switch)
                return switch.to
        if schedule.then.name == "first":
            return usual(step)
        return self.random.choice(step.ready)

    def _is_held(self, thread: int) -> bool:
        at = self._at.get(thread)
        return self.holds_work and any(
            (rule.thread, (rule.site, rule.visit)) == (thread, at)
            and rule.until is not None
            and (rule.until.thread, rule.until.site, rule.until.visit) not in self._passed
            for rule in self.plan.rules
        )


def _ended(plan: Plan, rounds: int, one: _Round, found: Signature | None) -> Trial:
    control = None
    if plan.schedule is not None:
        trace = f"{hash(repr(one.steps)) & (1 << 64) - 1:016x}"
        divergence = one.divergence or _strayed(plan.schedule, trace)
        control = Control(tuple(one.steps), len(one.steps), trace, divergence=divergence)
    calls = tuple(tuple(_returned(call) for call in calls) for calls in plan.program)
    ending = Ending(End.SIGNALLED, 11) if found else Ending(End.EXITED)
    evidence = Evidence(ending, rounds, calls=calls, control=control, seconds=0.01)
    failures = (Failure(found, "torn"),) if found else ()
    return Trial(plan, evidence, Outcome(Verdict.FAILED if found else Verdict.PASSED, failures))


def _returned(call: Call) -> CallResult:
    return CallResult(call.op, CallStatus.RETURNED)


def _strayed(schedule: Schedule, trace: str) -> Divergence | None:
    if schedule.trace in ("", trace):
        return None
    return Divergence(0, schedule.trace, trace)


def torn_trial(box: Box, plan: Plan, seeds: int = 500) -> Trial:
    """The first seed of a plan that fails, as a campaign would have found it."""
    for seed in range(seeds):
        trial = box(evolve(plan, seed=seed))
        if trial.outcome.signature is not None:
            box.plans.clear()
            return trial
    raise AssertionError("it never failed")
