"""Controlled plans: which scheduler with which numbers, on which short program, over how many rounds.

Decides the shares. Programs are short, since a schedule of few choices is searched quickest and read
easiest, and their rounds many: each is another schedule on fresh state, without another process.
What earlier trials showed (lengths, ordered pairs) goes into later plans.
"""

from collections.abc import Callable, Sequence
from random import Random
from threading import Lock

from stressor.campaign.settings import Settings
from stressor.model.outcome import Verdict
from stressor.model.plan import Plan, Schedule, Spec
from stressor.model.site import Site
from stressor.model.trial import Trial
from stressor.schedules.feedback import Feedback
from stressor.schedules.lengths import Lengths
from stressor.strategies.delays import log_uniform
from stressor.targets.harness import OperationInfo
from stressor.targets.programs import Program, generate

FEEDBACK = "feedback"

SHARES = {
    "first": 0.3,
    "walk": 1.0,
    "pct": 3.0,
    "pos": 2.0,
    "surw": 2.0,
    "delayed": 1.5,
    FEEDBACK: 2.0,
}
"""Of the controlled plans, by scheduler; the names are those of the shim, and feedback."""

THREADS = (2, 2, 2, 3)
CALLS = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4)
LONG_SHARE = 0.1
"""Programs of more calls: what only the tenth call of a thread spoils."""

HOOKS_SHARE, BLIND_HOOKS_SHARE = 0.15, 0.6
"""Choices at destructions and allocations too; often where no call site is known."""

HOME_SHARE = 0.4
"""State made by one of the threads: what it owns has unshared counts, in its fast paths alone."""

FRESH_SHARE = 0.3
"""Of feedback's plans, new programs under a random walk: the pool must get something to keep."""

ROUNDS_PER_CHOICE = 3
"""A short program has few schedules, and most programs cannot fail: on to the next one."""

DEPTHS = (2, 2, 2, 3, 3, 4)
DELAYS = (1, 1, 2, 2, 3)


class Controlled:
    """Makes the controlled plans of one campaign. Safe to use from all jobs at once."""

    def __init__(
        self,
        settings: Settings,
        operations: Sequence[OperationInfo],
        names: Sequence[str],
        most_calls: int,
    ) -> None:
        self._settings = settings
        self._operations = tuple(operations)
        self._names = tuple(names)
        self._most_calls = most_calls
        self._lengths = Lengths()
        self._feedback = Feedback()
        self._lock = Lock()

    def learn(self, trial: Trial) -> None:
        """Take from a trial that passed what later plans want to know.

        A failing one tells less: its schedule ends early, and what is like it fails the same way.
        """
        control = trial.evidence.control
        if control is None or trial.outcome.verdict is not Verdict.PASSED:
            return
        with self._lock:
            self._lengths.learn(trial.plan, control)
            self._feedback.learn(trial.plan, control)

    def plan(self, rng: Random, index: int, sites: Sequence[Site]) -> Plan:
        """Make plan number `index`. Leaves allocator and ledger to the portfolio."""
        name = rng.choices(self._names, [SHARES[name] for name in self._names])[0]
        with self._lock:
            if name == FEEDBACK and rng.random() >= FRESH_SHARE:
                mutant = self._mutant(rng, index)
                if mutant is not None:
                    return mutant
            return self._fresh(rng, index, "walk" if name == FEEDBACK else name, sites)

    def _fresh(self, rng: Random, index: int, name: str, sites: Sequence[Site]) -> Plan:
        program = short_program(rng, self._settings, self._operations, self._most_calls)
        blind = not any(site.is_call for site in sites)
        hooks = rng.random() < (BLIND_HOOKS_SHARE if blind else HOOKS_SHARE)
        spec = Spec(name, self._numbers(rng, name, program, hooks))
        rounds = 1 if name == "first" else self._rounds(rng, program, hooks)
        return self._made(rng, index, name, program, Schedule(spec, hooks=hooks), rounds)

    def _mutant(self, rng: Random, index: int) -> Plan | None:
        """A kept schedule, changed, and in each round another delay on top; None without any."""
        kept = self._feedback.draw(rng)
        if kept is None or kept.plan.schedule is None:
            return None
        program, hooks = kept.plan.program, kept.plan.schedule.hooks
        numbers = {"delays": 1.0, "steps": float(self._length(program, hooks))}
        schedule = Schedule(Spec("delayed", numbers), kept.switches, hooks)
        rounds = max(self._rounds(rng, program, hooks) // 4, 1)
        return self._made(rng, index, FEEDBACK, program, schedule, rounds)

    def _made(
        self,
        rng: Random,
        index: int,
        name: str,
        program: Program,
        schedule: Schedule,
        rounds: int,
    ) -> Plan:
        return Plan(
            self._settings.target,
            program,
            seed=rng.getrandbits(32),
            strategy=Spec(name, {"index": float(index)}),
            schedule=schedule,
            home=rng.randrange(len(program)) if rng.random() < HOME_SHARE else None,
            rounds=rounds,
            modules=self._settings.modules,
            runtime=self._settings.runtime,
            limits=self._settings.limits,
        )

    def _numbers(self, rng: Random, name: str, program: Program, hooks: bool) -> dict[str, float]:
        draw = _NUMBERS.get(name)
        return (
            {} if draw is None else draw(rng, [self._lengths.of(each, hooks) for each in program])
        )

    def _length(self, program: Program, hooks: bool) -> int:
        return sum(self._lengths.of(calls, hooks) for calls in program)

    def _rounds(self, rng: Random, program: Program, hooks: bool) -> int:
        most = min(self._settings.rounds, ROUNDS_PER_CHOICE * self._length(program, hooks))
        drawn = log_uniform(rng, max(most / 10, 1.0), most)
        return max(1, int(min(drawn, self._most_calls / max(sum(map(len, program)), 1))))


def short_program(
    rng: Random, settings: Settings, operations: Sequence[OperationInfo], most_calls: int
) -> Program:
    """Two or three threads, one to four calls each, seldom more; within what the user allows."""
    threads = min(rng.choice(THREADS), max(settings.threads, 1))
    calls = rng.choice(CALLS)
    if rng.random() < LONG_SHARE:
        calls = int(log_uniform(rng, max(CALLS), max(settings.calls, *CALLS) + 1))
    most = max(min(settings.calls, most_calls // threads), 1)
    return generate(operations, threads, min(calls, most), rng.getrandbits(32))


def _pct(rng: Random, lengths: Sequence[int]) -> dict[str, float]:
    return {"depth": float(rng.choice(DEPTHS)), "steps": float(sum(lengths))}


def _surw(rng: Random, lengths: Sequence[int]) -> dict[str, float]:
    return {f"count{thread}": float(length) for thread, length in enumerate(lengths)}


def _delayed(rng: Random, lengths: Sequence[int]) -> dict[str, float]:
    return {"delays": float(rng.choice(DELAYS)), "steps": float(sum(lengths))}


_NUMBERS: dict[str, Callable[[Random, Sequence[int]], dict[str, float]]] = {
    "pct": _pct,
    "surw": _surw,
    "delayed": _delayed,
}
