"""Plan number i of a campaign: which mode and strategy, how many threads, calls and rounds, which
allocator.

Decides the shares; what the calls are is `targets.programs`' business, controlled plans are
`controlled`'s. Everything is drawn from the campaign's seed and the plan's number, so with the same
known sites, and for controlled plans the same trials before it, the same number is the same plan,
whichever job carries it out. Shares are fixed: what a strategy finds in one target says little about
the next, and a share that follows yield mostly chases the failure that is known already.
"""

from collections.abc import Sequence
from random import Random

from attrs import evolve, frozen

from stressor.campaign import controlled
from stressor.campaign.controlled import Controlled
from stressor.campaign.settings import Mode, Settings, with_monitors
from stressor.errors import UsageError
from stressor.model.plan import Allocator, Plan, Rule, Spec
from stressor.model.site import Site
from stressor.model.trial import Trial
from stressor.strategies import BY_NAME, Strategy
from stressor.strategies.delays import PAUSES_PER_ROUND, log_uniform
from stressor.targets.harness import OperationInfo
from stressor.targets.programs import Program, generate

MODE_SHARES = {Mode.PERTURBED: 1.0, Mode.CONTROLLED: 1.0}
"""Of the plans. Trials of both modes are cut to about the same time: `CALLS_PER_TRIAL`."""

BLIND_MODE_SHARES = {Mode.PERTURBED: 5.0, Mode.CONTROLLED: 1.0}
"""Where no call site is known: there turns can change only between operations and at allocations."""

SHARES = {
    "none": 1.0,
    "uniform": 1.5,
    "weighted": 2.5,
    "targeted": 8.0,
    "detach": 2.5,
    "hooks": 2.0,
    "edges": 2.5,
}

BLIND_SHARES = SHARES | {"none": 6.0, "weighted": 1.0, "targeted": 1.0, "hooks": 4.0, "edges": 6.0}
"""Where no call site is known, as with modules that are linked into the interpreter: there is little
to aim at, but operations can be shifted against each other, and the allocations inside them."""

DEBUG_SHARE = 0.5
LEDGER_SHARE = 0.7
TINY_SHARE = 0.3
"""Programs of one or two calls per thread. A lost update shows only if nothing repeats it."""

NONE = BY_NAME["none"]

UNNOTICED_SECONDS = 0.25
"""A rehearsal is a fork with its start and its end; only what takes longer tells of slow calls."""

CALLS_PER_TRIAL = 4_000
"""Operation calls after which another process is worth more than another round."""

TRIAL_SHARE = 0.1
"""Of a campaign's seconds, for one trial of a slow target, about."""

REHEARSED = 2
"""Calls of each operation in a rehearsal."""

OPENING = 6
"""The first plans are plain stress. It finds the easy failures at once, and costs a second."""

OPENING_CALLS = 24_000
"""Operation calls of one of these: in plain stress a call costs less than anything around it."""

PAUSED_PER_TRIAL_NS = 100_000_000
"""Long pauses in many rounds would spend on one plan what twenty others could use."""


class Portfolio:
    """Makes the plans of one campaign. Raises `UsageError` for an unknown strategy."""

    def __init__(
        self,
        settings: Settings,
        operations: Sequence[OperationInfo],
        rehearsal_seconds: float = 0.0,
    ) -> None:
        self._settings = settings
        self._operations = tuple(operations)
        self._chosen = chosen(settings)
        self._most_calls = affordable_calls(settings, len(self._operations), rehearsal_seconds)
        self._controlled = Controlled(
            settings, self._operations, self._chosen.schedulers, self._most_calls
        )

    def plan(self, index: int, sites: Sequence[Site]) -> Plan:
        """Make plan number `index`, given the sites known by now."""
        rng = Random(f"{self._settings.seed}:{index}")
        if index < OPENING and NONE in self._chosen.strategies:
            return self._opening(rng, index)
        if self._mode(rng, sites) is Mode.CONTROLLED:
            plan = self._controlled.plan(rng, index, sites)
            allocator = _allocator(rng, self._settings.allocators)
            return self._watched(evolve(plan, allocator=allocator), rng)
        return self._perturbed(rng, index, sites)

    def _watched(self, plan: Plan, rng: Random) -> Plan:
        """With the monitors that were asked for, or else with the ledger in most plans."""
        drawn = rng.random() < LEDGER_SHARE
        monitors = self._settings.monitors
        return with_monitors(plan, monitors) if monitors else evolve(plan, ledger=drawn)

    def learn(self, trial: Trial) -> None:
        """Take from a trial what later plans want to know."""
        self._controlled.learn(trial)

    def _mode(self, rng: Random, sites: Sequence[Site]) -> Mode:
        modes = self._chosen.modes
        shares = BLIND_MODE_SHARES if _is_blind(sites) else MODE_SHARES
        return rng.choices(modes, [shares[each] for each in modes])[0]

    def _perturbed(self, rng: Random, index: int, sites: Sequence[Site]) -> Plan:
        settings = self._settings
        strategy, rules = self._rules(rng, sites)
        program = self._program(rng) if rules else self._hammer(rng)
        plan = Plan(
            target=settings.target,
            program=program,
            seed=rng.getrandbits(32),
            strategy=Spec(strategy.name, {"index": float(index)}),
            rules=rules,
            rounds=_rounds(
                rng, settings.rounds, program, paused_ns(rules, sites), self._most_calls
            ),
            modules=settings.modules,
            runtime=settings.runtime,
            allocator=_allocator(rng, settings.allocators),
            limits=settings.limits,
        )
        return self._watched(plan, rng)

    def _opening(self, rng: Random, index: int) -> Plan:
        """Plain stress as long as a trial may be, in turns with each allocator, poisoned first."""
        settings = self._settings
        threads = max(settings.threads, 1)
        share = OPENING_CALLS * self._most_calls // CALLS_PER_TRIAL
        calls = max(min(settings.calls, share // threads), 1)
        plan = Plan(
            target=settings.target,
            program=generate(self._operations, threads, calls, rng.getrandbits(32)),
            seed=rng.getrandbits(32),
            strategy=Spec(NONE.name, {"index": float(index)}),
            rounds=max(min(settings.rounds, share // (threads * calls)), 1),
            modules=settings.modules,
            runtime=settings.runtime,
            allocator=settings.allocators[-1 - index % len(settings.allocators)],
            limits=settings.limits,
        )
        return self._watched(plan, rng)

    def _rules(self, rng: Random, sites: Sequence[Site]) -> tuple[Strategy, tuple[Rule, ...]]:
        """Another strategy when the drawn one has nothing to act on; none when all have not."""
        left = list(self._chosen.strategies)
        shares = BLIND_SHARES if _is_blind(sites) else SHARES
        while True:
            weights = [shares.get(strategy.name, 1.0) for strategy in left]
            strategy = rng.choices(left, weights)[0]
            rules = strategy.rules(rng, sites)
            if rules or strategy.name == "none" or len(left) == 1:
                return strategy, rules
            left.remove(strategy)

    def _program(self, rng: Random) -> Program:
        """Short ones more often than long ones: what a call spoils, the next one may put right."""
        threads = _threads(rng, self._settings.threads)
        most = 2 if rng.random() < TINY_SHARE else self._settings.calls
        affordable = max(self._most_calls // threads, 1)
        calls = int(log_uniform(rng, 1.0, min(most, self._settings.calls, affordable) + 1))
        return generate(self._operations, threads, calls, rng.getrandbits(32))

    def _hammer(self, rng: Random) -> Program:
        """Plain stress, for trials without injection: all threads, many calls. What it finds by the
        way (the end of an iterator, a table that grows) must not be missed for all the steering.
        """
        threads = max(self._settings.threads, 1)
        most = max(min(self._settings.calls, self._most_calls // threads), 1)
        calls = int(log_uniform(rng, max(most / 4, 1.0), most + 1))
        return generate(self._operations, threads, calls, rng.getrandbits(32))


@frozen
class Chosen:
    """What a campaign draws from; `schedulers` are names of `controlled.SHARES`."""

    strategies: tuple[Strategy, ...]
    schedulers: tuple[str, ...]

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Those that something was chosen of."""
        perturbed = (Mode.PERTURBED,) if self.strategies else ()
        return (*perturbed, Mode.CONTROLLED) if self.schedulers else perturbed


def chosen(settings: Settings) -> Chosen:
    """The strategies and schedulers of these names, all of the modes for none.

    Raises `UsageError` for an unknown name, and when no name is of the modes.
    """
    names = settings.strategies
    there_are = (*BY_NAME, *controlled.SHARES)
    for name in names:
        if name not in there_are:
            raise UsageError(f"there is no strategy {name!r}; there are: {', '.join(there_are)}.")
    perturbed = BY_NAME if Mode.PERTURBED in settings.modes else ()
    turns = controlled.SHARES if Mode.CONTROLLED in settings.modes else ()
    found = Chosen(
        tuple(BY_NAME[name] for name in perturbed if not names or name in names),
        tuple(name for name in turns if not names or name in names),
    )
    if not found.modes:
        modes = " and ".join(mode.value for mode in settings.modes) or "no"
        raise UsageError(f"none of the strategies {', '.join(names)} is for {modes} mode.")
    return found


def _is_blind(sites: Sequence[Site]) -> bool:
    return not any(site.is_call for site in sites)


def paused_ns(rules: Sequence[Rule], sites: Sequence[Site]) -> float:
    """About how long all rules together pause a round of sites visited as often as known."""
    visits = {site.key: site.visits for site in sites}
    return sum(
        (rule.least_ns + rule.most_ns)
        / 2
        * min(rule.chance * visits.get(rule.site, 1), PAUSES_PER_ROUND)
        for rule in rules
    )


def _threads(rng: Random, most: int) -> int:
    """Two threads half of the time: most races need no more, and two are easiest to steer."""
    return 2 if most <= 2 or rng.random() < 0.5 else rng.randint(3, most)


def affordable_calls(settings: Settings, operations: int, rehearsal_seconds: float) -> int:
    """The most calls of a trial, so that it does not take much more than its share of the time.

    A power of two below CALLS_PER_TRIAL: what was measured varies, and the plans should not.
    """
    if settings.seconds is None or rehearsal_seconds <= UNNOTICED_SECONDS:
        return CALLS_PER_TRIAL
    each = (rehearsal_seconds - UNNOTICED_SECONDS) / max(REHEARSED * operations, 1)
    calls = settings.seconds * TRIAL_SHARE / each
    return CALLS_PER_TRIAL if calls >= CALLS_PER_TRIAL else 1 << max(int(calls).bit_length() - 1, 0)


def _rounds(rng: Random, most: int, program: Program, paused: float, most_calls: int) -> int:
    calls = max(sum(map(len, program)), 1)
    drawn = log_uniform(rng, max(most / 10, 1.0), most)
    affordable = PAUSED_PER_TRIAL_NS / paused if paused else drawn
    return max(1, int(min(drawn, affordable, most_calls / calls)))


def _allocator(rng: Random, allocators: Sequence[Allocator]) -> Allocator:
    # Drawn even when there is nothing to choose, so that the numbers after it stay the same.
    wanted = Allocator.DEBUG if rng.random() < DEBUG_SHARE else Allocator.DEFAULT
    return wanted if wanted in allocators else allocators[0]
