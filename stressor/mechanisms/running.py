"""One run of a model: threads take steps in the order that a scheduler says, invariants are asked.

The loop is the whole of random mode, and is written for speed: a step costs one call into the
scheduler, one resumption of a generator and one call per invariant. What a run broke is told by
`replay`, which runs the schedule again and takes notes.
"""

from collections.abc import Callable, Sequence
from typing import Protocol
from zlib import crc32

from attrs import frozen

from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps, Violated
from stressor.mechanisms.finding import Broken, Taken

MOST_STEPS = 5_000
"""A run this long is taken to have no end; models are small."""

# The native schedulers' numbers of why there is a choice (`stressor.model.evidence.Why`).
BEGIN, VISIT, YIELD, BLOCKED, ENDED = 0, 1, 2, 3, 7

type Pending = tuple[int, int, int, int, int]
type Makes = Callable[[], Mechanism]


class Chooser(Protocol):
    """What says who goes next: a native scheduler, or one of `choosers`."""

    def choose(
        self, ready: int, step: int, current: int, why: int, pending: Sequence[Pending], /
    ) -> int:
        """A thread of the set `ready`."""


class _Numbers(dict[str, int]):
    """Steps and objects as the native schedulers want them: as numbers that are not 0."""

    def __missing__(self, name: str) -> int:
        self[name] = number = crc32(name.encode()) + 1
        return number


_NUMBERS = _Numbers()
NOWHERE: Pending = (0, 0, 0, 0, 0)


@frozen
class Ran:
    """One run: who went when (by number), and what was broken; None when all was well."""

    schedule: list[int]
    broken: Broken | None


class Crew:
    """The threads of one run, services last, each stopped at the step that it takes next.

    `free` are those that need not wait (a bit per thread); `conditions` are what the others wait for.
    """

    def __init__(self, model: Mechanism) -> None:
        threads, services = model.threads(), model.services()
        everyone = threads | services
        if len(everyone) < len(threads) + len(services) or not 0 < len(everyone) <= 64:
            raise FaultyModelError("threads and services need 1 to 64 names, all different")
        self.names = tuple(everyone)
        self.generators: tuple[Steps, ...] = tuple(everyone.values())
        self.lasting = len(threads)
        self.at: list[str | Step | None] = [None] * len(everyone)
        self.pending: list[Pending] = [NOWHERE] * len(everyone)
        self.free = 0
        self.conditions: dict[int, Callable[[], object]] = {}
        self.owed: dict[int, int] = {}
        for thread, each in enumerate(self.generators):
            if (step := next(each, None)) is not None:
                self.arrive(thread, step, 0)

    def arrive(self, thread: int, step: str | Step, count: int) -> None:
        """A thread has come to its next step, as the `count`-th step of the run."""
        self.at[thread] = step
        self.conditions.pop(thread, None)
        self.free |= 1 << thread
        name, on = (step, "") if isinstance(step, str) else (step.name, step.on)
        self.pending[thread] = (_NUMBERS[name], _NUMBERS[on], count, 0, 0)
        if isinstance(step, Step):
            if step.until is not None:
                self.conditions[thread] = step.until
                self.free &= ~(1 << thread)
            if step.gives_way:
                self.owed[thread] = ~(1 << thread)

    def leave(self, thread: int) -> None:
        """A thread has come to its end."""
        self.at[thread] = None
        self.conditions.pop(thread, None)
        self.free &= ~(1 << thread)

    def fair(self, ready: int, ran: int) -> int:
        """Those of `ready` that need not give way; `ran` took the last step."""
        for thread, owed in tuple(self.owed.items()):
            self.owed[thread] = owed & ~(1 << ran if ran >= 0 else 0)
            if not self.owed[thread] & ready:
                del self.owed[thread]
        return ready & ~sum(1 << thread for thread in self.owed) or ready

    def step_name(self, thread: int) -> str:
        """The step that a thread takes next; empty when it has ended."""
        at = self.at[thread]
        return "" if at is None else at if isinstance(at, str) else at.name

    def waiting(self) -> tuple[Taken, ...]:
        """The threads that have not ended, services not counted."""
        return tuple(
            Taken(self.names[each], self.step_name(each))
            for each in range(self.lasting)
            if self.at[each] is not None
        )


def run(
    model: Mechanism, chooser: Chooser, most: int = MOST_STEPS, crew: Crew | None = None
) -> Ran:
    """Run a new model to its end, or to the first invariant that does not hold.

    `crew` are its threads, when the caller wants to look at them. Raises `FaultyModelError`, which
    names the step, when the model broke the rules of models.
    """
    crew = crew or Crew(model)
    schedule: list[int] = []
    try:
        return Ran(schedule, _go(model, crew, chooser, schedule, most))
    except Violated as violated:
        return Ran(schedule, Broken(violated.broken, violated.says))
    except FaultyModelError as error:
        raise faulty(model, crew, schedule, error.message) from None
    except Exception as error:
        raise faulty(model, crew, schedule, f"{type(error).__name__}: {error}") from error


def faulty(model: Mechanism, crew: Crew, schedule: Sequence[int], problem: str) -> FaultyModelError:
    """The error for a fault in the step that was taken last."""
    where = f"at step {len(schedule)}"
    if schedule:
        thread = schedule[-1]
        where += f", {crew.names[thread]} in {crew.step_name(thread)!r}"
    return FaultyModelError(
        f"the model {model.name} is faulty: {problem} ({where}). This says nothing about the"
        " mechanism; mend the model."
    )


def _go(  # noqa: PLR0912 - a call less per step is worth the branches
    model: Mechanism, crew: Crew, chooser: Chooser, schedule: list[int], most: int
) -> Broken | None:
    """The loop. Keeps `crew.at` and `schedule` up to date for whoever tells what happened."""
    choose, at, pending = chooser.choose, crew.at, crew.pending
    conditions, owed = crew.conditions, crew.owed
    advance = [each.__next__ for each in crew.generators]
    checks = [(each.holds, each) for each in model.invariants if not each.at_end]
    numbers, everything = _NUMBERS, _NUMBERS[""]
    thread, why = -1, BEGIN
    for count in range(most):
        ready = crew.free
        for each, condition in conditions.items():
            if condition():
                ready |= 1 << each
        if owed:
            ready = crew.fair(ready, thread)
        if not ready:
            return at_rest(model, crew.waiting())
        if why == VISIT and not ready >> thread & 1:
            why = YIELD if thread in owed else BLOCKED
        thread = choose(ready, count, thread, why, pending)
        schedule.append(thread)
        try:
            step = advance[thread]()
        except StopIteration:
            crew.leave(thread)
            why = ENDED
        else:
            why = VISIT
            if type(step) is str and thread not in conditions:
                at[thread] = step
                pending[thread] = (numbers[step], everything, count, 0, 0)
            else:
                crew.arrive(thread, step, count)
        for holds, invariant in checks:
            if not holds(model):
                return Broken(invariant.key, invariant.says)
        if model.suspensions:
            raise FaultyModelError(f"a yield while {model.suspensions[-1]} was suspended")
    raise FaultyModelError(f"no end after {most:,} steps: a loop has to wait with `until`")


def at_rest(model: Mechanism, waiting: Sequence[Taken]) -> Broken | None:
    """What is broken when nobody can go on: a thread that waits, or an invariant of the end."""
    if waiting:
        key, says = model.stuck
        threads = ", ".join(f"{each.thread} waits in {each.step!r}" for each in waiting)
        return Broken(key, says, threads)
    for each in model.invariants:
        if each.at_end and not each.holds(model):
            return Broken(each.key, each.says)
    return None
