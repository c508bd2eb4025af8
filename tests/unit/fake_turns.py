"""A turnstile that exists only as arithmetic: programs of a few visits, run under a schedule.

Each thread makes its visits in order; an operation takes effect when its thread gets the turn again,
as a C-API call does behind the site before it. What the shim would log comes out as `Control`.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from hashlib import sha256
from random import Random

from attrs import define, field, frozen

from stressor.model.evidence import Control, Divergence, End, Ending, Evidence, Step, Wait, Why
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import ANY_STEP, Call, Plan, Schedule, Switch
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.schedules.order import usual


class Does(Enum):
    """What an operation is."""

    TOUCH = auto()
    LOCK = auto()
    UNLOCK = auto()
    YIELD = auto()


@frozen
class Op:
    """One visit of one thread. `obj` is what it touches, or the lock."""

    does: Does
    obj: int = 0


type Threads = Sequence[Sequence[Op]]
type Choose = Callable[[Step], int]


def touch(*objects: int) -> tuple[Op, ...]:
    """Calls on these objects, one after the other."""
    return tuple(Op(Does.TOUCH, obj) for obj in objects)


def locked(lock: int, *objects: int) -> tuple[Op, ...]:
    """The same under a lock."""
    return (Op(Does.LOCK, lock), *touch(*objects), Op(Does.UNLOCK, lock))


@define
class Round:
    """One round. `choose` gets each step with `to` still -1."""

    threads: Threads
    choose: Choose
    steps: list[Step] = field(factory=list)
    done: list[tuple[int, int]] = field(factory=list)  # (thread, index of its operation), in order
    _at: list[int] = field(init=False)
    _blocked: dict[int, int] = field(factory=dict)  # thread -> lock
    _held: dict[int, int] = field(factory=dict)  # lock -> thread

    def __attrs_post_init__(self) -> None:
        self._at = [-1] * len(self.threads)

    def run(self) -> tuple[Wait, ...]:
        """Until nobody can go on; returns who waits for ever."""
        thread = self._choice(-1, Why.BEGIN)
        while thread >= 0:
            thread = self._choice(thread, self._go_on(thread))
        return tuple(Wait(thread, "block", 0, lock) for thread, lock in self._blocked.items())

    def _ready(self) -> tuple[int, ...]:
        return tuple(
            thread
            for thread, ops in enumerate(self.threads)
            if self._at[thread] < len(ops) and thread not in self._blocked
        )

    def _choice(self, thread: int, why: Why) -> int:
        ready = self._ready()
        if why is Why.YIELD and len(ready) > 1:
            ready = tuple(each for each in ready if each != thread)
        if not ready:
            return -1
        at = self._at[thread] if why in (Why.VISIT, Why.YIELD, Why.BLOCKED) else -1
        obj = self.threads[thread][at].obj if at >= 0 else 0
        site = f"call:m:op{thread}.{at}+0x{at + 1:x}" if at >= 0 else ""
        step = Step(thread, site, at + 1, Phase.BEFORE, -1, why, ready, obj)
        to = self.choose(step)
        assert to in ready
        self.steps.append(Step(thread, site, at + 1, Phase.BEFORE, to, why, ready, obj))
        return to

    def _go_on(self, thread: int) -> Why:
        """Do what the thread had come to, and say what it comes to next."""
        if self._at[thread] >= 0:
            op = self.threads[thread][self._at[thread]]
            if op.does is Does.LOCK and op.obj in self._held:
                self._blocked[thread] = op.obj
                return Why.BLOCKED
            if op.does is Does.LOCK:
                self._held[op.obj] = thread
            if op.does is Does.UNLOCK:
                del self._held[op.obj]
                for waiter in [w for w, lock in self._blocked.items() if lock == op.obj]:
                    del self._blocked[waiter]
            self.done.append((thread, self._at[thread]))
        self._at[thread] += 1
        if self._at[thread] == len(self.threads[thread]):
            return Why.ENDED
        yields = self.threads[thread][self._at[thread]].does is Does.YIELD
        return Why.YIELD if yields else Why.VISIT


def run(threads: Threads, schedule: Schedule, then: Choose = usual) -> tuple[Control, Round]:
    """A round under the schedule's switches and `then`, as the shim would."""
    stepped = {each.step: each for each in schedule.switches if each.step != ANY_STEP}
    loose = [each for each in schedule.switches if each.step == ANY_STEP]
    off: list[Divergence] = []

    def choose(step: Step) -> int:
        wanted = stepped.get(len(made.steps))
        if wanted is not None and not off:
            if _is_at(wanted, step) and wanted.to in step.ready:
                return wanted.to
            off.append(Divergence(len(made.steps), str(wanted), str(step)))
        for each in loose:
            if _is_at(each, step) and each.to in step.ready:
                loose.remove(each)
                return each.to
        return then(step)

    made = Round(threads, choose)
    waits = made.run()
    trace = sha256(repr(made.steps).encode()).hexdigest()[:16]
    divergence = off[0] if off else None
    return Control(tuple(made.steps), len(made.steps), trace, waits, divergence), made


TORN = Signature(FailureKind.CRASH, "queue.c:get")


@define
class TornReads:
    """A carry-out: "get" and "read" touch object 1 twice, others once; a touch between the two by
    another thread is a crash.

    `first_differs`: the first round of a process has one more visit in each thread, as where
    something is made on its first use. `forgetful`: every second trial goes another way.
    """

    first_differs: bool = False
    forgetful: bool = False
    plans: list[Plan] = field(factory=list)

    def __call__(self, plan: Plan) -> Trial:
        self.plans.append(plan)
        schedule = plan.schedule
        assert schedule is not None
        random = Random(f"{plan.seed}{len(self.plans) if self.forgetful else ''}")
        named = schedule.then.name == "first" and not self.forgetful
        control, number = Control(), 0
        for number in range(plan.rounds):
            warm = number or not self.first_differs
            threads = [_visits(calls, bool(warm)) for calls in plan.program]
            then = usual if named else lambda step: random.choice(step.ready)
            control, made = run(threads, schedule, then)
            if _is_torn(threads, made):
                return _ended(plan, number + 1, control, (Failure(TORN, "torn"),))
        return _ended(plan, number + 1, control, ())


def _visits(calls: Sequence[Call], warm: bool) -> tuple[Op, ...]:
    first = () if warm else touch(9)
    return (
        *first,
        *(op for call in calls for op in touch(*((1, 1) if call.op in ("get", "read") else (1,)))),
    )


def _is_torn(threads: Threads, made: Round) -> bool:
    """Whether a thread of one touch came between the last two touches of another."""
    for thread, ops in enumerate(threads):
        mine = [at for at, (who, _) in enumerate(made.done) if who == thread]
        if len(ops) > 1 and mine[-1] - mine[-2] > 1:
            return True
    return False


def _ended(plan: Plan, rounds: int, control: Control, failures: tuple[Failure, ...]) -> Trial:
    ending = Ending(End.SIGNALLED, 11) if failures else Ending(End.EXITED)
    evidence = Evidence(ending, rounds, control=control)
    verdict = Verdict.FAILED if failures else Verdict.PASSED
    if control.divergence is not None and not failures:
        verdict = Verdict.DIVERGED
    return Trial(plan, evidence, Outcome(verdict, failures))


@define
class _Given:
    """Chooses what is given, then the first each time, and notes what else there was."""

    choices: list[int]
    prefixes: list[list[int]]
    made: int = 0

    def __call__(self, step: Step) -> int:
        if self.made == len(self.choices):
            self.prefixes.extend([*self.choices, other] for other in step.ready[1:])
            self.choices.append(step.ready[0])
        self.made += 1
        return self.choices[self.made - 1]


def all_rounds(threads: Threads) -> list[Round]:
    """Every round there is, by trying each choice after each prefix of choices."""
    rounds: list[Round] = []
    prefixes: list[list[int]] = [[]]
    while prefixes:
        given = _Given(prefixes.pop(), prefixes)
        made = Round(threads, given)
        made.run()
        rounds.append(made)
    return rounds


def _is_at(switch: Switch, step: Step) -> bool:
    here = (step.thread, step.site, step.visit, step.phase)
    return (switch.thread, switch.site, switch.visit, switch.phase) == here
