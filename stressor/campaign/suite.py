"""Stressing one test of a pytest suite after the other: which plans a test gets, and what came of them.

Decides how the rounds of a test are split over trials: the first without injection, which learns the
sites, the others with what the strategies make of those, or with schedules. The plans follow from the
seed and the test's name alone, so that a test gets the same ones whatever else is run, and in which
process. Leaves selecting tests, and telling people, to the plugin.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from attrs import define, evolve, frozen

from stressor.campaign.carryout import CarryOut
from stressor.campaign.controlled import FEEDBACK
from stressor.campaign.exactly import exactly
from stressor.campaign.findings import Shrink
from stressor.campaign.known import KnownSites
from stressor.campaign.locate import located, with_ordinals
from stressor.campaign.portfolio import SHARES, chosen
from stressor.campaign.settings import Mode, Settings
from stressor.model.evidence import CallStatus
from stressor.model.outcome import FailureKind, Verdict
from stressor.model.plan import Call, Plan, Schedule, Spec
from stressor.model.site import Site
from stressor.model.trial import Origin, Trial

TRIALS = 4
"""Of a test with all its rounds: one to learn the sites, three to use them."""

REVISITS = 5
"""Runs of a known failure before it counts as fixed."""

SKIPPED = ("Skipped", "unittest.case.SkipTest")


@frozen
class Wants:
    """How one test shall be stressed; `draws` if its arguments are drawn.

    `known` are failures of earlier sessions, which are tried first.
    """

    nodeid: str
    threads: int
    rounds: int
    settings: Settings
    draws: bool = False
    known: tuple[Trial, ...] = ()


@frozen
class Stressed:
    """What came of it. `failing` is the first trial that failed, as cheap as it was made.

    `known` is whether it is one of the known failures, `fixed` are those that did not come again.
    `alone` is whether the test fails in one thread too: then it says nothing about threads. `unfit` is
    why it cannot run in threads, although one thread passes: no failure. `skipped` is the reason when it
    skipped itself, `undecided` why nothing can be said.
    """

    failing: Trial | None = None
    alone: bool = False
    known: bool = False
    fixed: tuple[str, ...] = ()
    unfit: str = ""
    skipped: str = ""
    undecided: str = ""
    rounds: int = 0
    sites: tuple[Site, ...] = ()


@define
class Suite:
    """Stresses tests of one suite. `carry_out` is a session's door; for one thread's use."""

    target: str
    carry_out: CarryOut
    origin: Origin | None = None
    shrink: Shrink | None = None

    def stress(self, wants: Wants) -> Stressed:
        """Try the known failures, then carry out the test's plans, up to the first that fails."""
        fixed: list[str] = []
        for trial in wants.known:
            again = self._again(trial)
            if again is not None:
                sites = again.evidence.sites
                return Stressed(again, known=True, rounds=again.evidence.rounds, sites=sites)
            fixed.append(str(trial.outcome.signature))
        return evolve(self._explore(wants), fixed=tuple(fixed))

    def _again(self, trial: Trial) -> Trial | None:
        """A run of a known failure that fails in the same way."""
        for _ in range(REVISITS):
            again = self.carry_out(trial.plan)
            if again.outcome.signature == trial.outcome.signature:
                return evolve(again, minimized=trial.minimized, rate=trial.rate, origin=self.origin)
        return None

    def _explore(self, wants: Wants) -> Stressed:
        known = KnownSites(())
        rounds, undecided = 0, Counter[str]()
        for index in range(min(TRIALS, wants.rounds)):
            plan = self._plan(wants, index, known.all())
            trial = self.carry_out(plan)
            if skipped := skip_of(trial):
                return Stressed(skipped=skipped)
            known.add(trial.evidence.sites, trial.evidence.rounds)
            rounds += trial.evidence.rounds
            undecided.update(trial.outcome.undecided)
            if trial.outcome.verdict is Verdict.FAILED:
                return evolve(self._followed_up(trial), rounds=rounds, sites=known.all())
        reason = next(iter(undecided), "")
        return Stressed(undecided=reason, rounds=rounds, sites=known.all())

    def _followed_up(self, trial: Trial) -> Stressed:
        """See whether one thread does it too; if not, make it exact and cheap."""
        if self._fails_alone(trial):
            return Stressed(trial, alone=True)
        if self._fails_in_turn(trial):
            return Stressed(
                unfit="fails also when one thread runs after the other: they share fixtures"
            )
        trial = exactly(trial, self.carry_out) or trial
        if self.shrink is not None:
            trial = self.shrink(trial, self.carry_out, lambda doing: None)
        return Stressed(evolve(with_ordinals(located(trial)), origin=self.origin))

    def _fails_alone(self, trial: Trial) -> bool:
        plan = trial.plan
        calls = tuple(call for thread in plan.program for call in thread)[:1]
        alone = evolve(plan, program=(calls,), rules=(), schedule=None, home=None, rounds=2)
        return self.carry_out(alone).outcome.verdict is Verdict.FAILED

    def _fails_in_turn(self, trial: Trial) -> bool:
        """Whether threads that run one after the other do it too: then it is the test that counts on
        being alone with what its fixtures made, and nobody's race.
        """
        in_turn = Schedule(Spec("first"))
        plan = evolve(trial.plan, rules=(), schedule=in_turn, home=None, rounds=1, ledger=False)
        again = self.carry_out(plan).outcome.signature
        return again is not None and again.kind in {FailureKind.EXCEPTION, FailureKind.INVARIANT}

    def _plan(self, wants: Wants, index: int, sites: Sequence[Site]) -> Plan:
        rng = Random(f"{wants.settings.seed}:{wants.nodeid}:{index}")
        count = min(TRIALS, wants.rounds)
        settings = wants.settings
        calls = [Call(wants.nodeid, rng.randbytes(32).hex() if wants.draws else "")]
        plan = Plan(
            target=self.target,
            # All threads draw the same arguments: they are to meet in the same places.
            program=(tuple(calls),) * wants.threads,
            seed=rng.getrandbits(32),
            rounds=wants.rounds * (index + 1) // count - wants.rounds * index // count,
            modules=settings.modules,
            allocator=settings.allocators[index % len(settings.allocators)],
            limits=settings.limits,
        )
        if index == 0:
            return plan
        if Mode.CONTROLLED in settings.modes:
            return _scheduled(plan, settings, rng)
        return _perturbed(plan, settings, rng, sites)


def _scheduled(plan: Plan, settings: Settings, rng: Random) -> Plan:
    """With the shim's usual numbers: nothing is known of the test that would say better ones."""
    names = [each for each in chosen(settings).schedulers if each not in {"first", FEEDBACK}]
    spec = Spec(rng.choice(names or ["walk"]))
    return evolve(plan, strategy=spec, schedule=Schedule(spec))


def _perturbed(plan: Plan, settings: Settings, rng: Random, sites: Sequence[Site]) -> Plan:
    left = [each for each in chosen(settings).strategies if each.name != "none"]
    while left:
        strategy = rng.choices(left, [SHARES.get(each.name, 1.0) for each in left])[0]
        rules = strategy.rules(rng, sites)
        if rules:
            return evolve(plan, strategy=Spec(strategy.name), rules=rules)
        left.remove(strategy)
    return plan


def skip_of(trial: Trial) -> str:
    """Why the test skipped itself; empty when it did not."""
    setup = trial.evidence.setup
    if setup is not None and setup.type in SKIPPED:
        return setup.message or "skipped by a fixture"
    calls = [call for thread in trial.evidence.calls for call in thread]
    if calls and all(call.status is CallStatus.RAISED_LEGAL for call in calls):
        return "skipped inside the test, by every thread"
    return ""


def file_of(nodeid: str, root: Path) -> Path:
    """The file that a test is in."""
    return root / nodeid.partition("::")[0]
