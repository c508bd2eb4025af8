"""One run of a model: threads take steps in the order that a scheduler says, invariants are asked.

The loop is the whole of random mode, and is written for speed: a step costs two calls into the
scheduler, one resumption of a generator, one call per thread that waits and one per invariant. What a
run broke is told by `replay`, which runs the schedule again and takes notes.
"""

from collections.abc import Callable, Sequence
from typing import Protocol
from zlib import crc32

from attrs import frozen

from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps, Violated
from stressor.mechanisms.finding import Broken, Taken

MOST_STEPS = 5_000
"""A run this long is taken to have no end; models are small."""

NO_END = (
    "no end after {:,} steps: a loop has to wait with `until`, or, where it has to spin, to give way;"
    " a search of all states tells whether it can end at all"
)

# The native schedulers' numbers of why there is a choice (`stressor.model.evidence.Why`).
BEGIN, VISIT, YIELD, BLOCKED, ENDED = 0, 1, 2, 3, 7

type Makes = Callable[[], Mechanism]


class Chooser(Protocol):
    """What says who goes next: a native scheduler, or one of `choosers`."""

    def arrive(self, thread: int, site: int, object: int, visit: int, /) -> None:
        """A thread has come to a step: what it takes next, what that touches, when it came there."""

    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        """A thread of the set `ready`, after `current` (-1: nobody yet) stopped for `why`."""


class EndlessError(FaultyModelError):
    """A run had no end. Whether another schedule has one, only a search of all states can tell."""


class _Numbers(dict[str, int]):
    """Steps and objects as the native schedulers want them: as numbers that are not 0."""

    def __missing__(self, name: str) -> int:
        self[name] = number = crc32(name.encode()) + 1
        return number


NUMBERS = _Numbers()
EVERYTHING = NUMBERS[""]
"""What a step touches that does not say what."""


@frozen
class Ran:
    """One run: who went when (by number), and what was broken; None when all was well."""

    schedule: list[int]
    broken: Broken | None


class Crew:
    """The threads of one run, services last, each stopped at the step that it takes next.

    `free` are those that need not wait (a bit per thread); `conditions` are what the others wait for,
    by the thread's bit.
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
        self.free = 0
        self.conditions: dict[int, Callable[[], object]] = {}
        self.owed: dict[int, int] = {}
        for thread, each in enumerate(self.generators):
            for step in each:
                self.arrive(thread, step)
                break

    def arrive(self, thread: int, step: str | Step) -> tuple[int, int]:
        """A thread has come to its next step; see `event`."""
        bit = 1 << thread
        self.at[thread] = step
        self.conditions.pop(bit, None)
        self.free |= bit
        if isinstance(step, Step):
            if step.until is not None:
                self.conditions[bit] = step.until
                self.free &= ~bit
            if step.gives_way:
                self.owed[thread] = ~bit
        elif not isinstance(step, str):
            raise FaultyModelError(f"a step is a name or a `Step`, not {step!r}")
        return self.event(thread)

    def event(self, thread: int) -> tuple[int, int]:
        """The step that a thread takes next and what it touches, for schedulers; zeros at its end."""
        at = self.at[thread]
        if at is None:
            return 0, 0
        return NUMBERS[self.step_name(thread)], NUMBERS["" if isinstance(at, str) else at.on]

    def leave(self, thread: int) -> None:
        """A thread has come to its end."""
        self.at[thread] = None
        self.conditions.pop(1 << thread, None)
        self.free &= ~(1 << thread)

    def fair(self, ready: int, ran: int) -> int:
        """Those of `ready` that need not give way; `ran` took the last step."""
        return fair(self.owed, ready, ran)

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


class Unbound(Crew):
    """The crew of a schedule that is known: nobody has to give way, as a search knows no manners."""

    def fair(self, ready: int, ran: int) -> int:
        """All of them."""
        return ready


def fair(owed: dict[int, int], ready: int, ran: int) -> int:
    """Those of `ready` that need not give way. `owed` says to whom each has to, and is kept up.

    A thread that came to a step that gives way owes a turn to each other one that can go on.
    """
    for thread, others in tuple(owed.items()):
        owed[thread] = others & ~(1 << ran if ran >= 0 else 0)
        if not owed[thread] & ready:
            del owed[thread]
    return ready & ~sum(1 << thread for thread in owed) or ready


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
    except EndlessError as error:
        raise EndlessError(faulty(model, crew, schedule, error.message).message) from None
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
    arrive, choose, at, note = chooser.arrive, chooser.choose, crew.at, schedule.append
    conditions, owed, suspensions = crew.conditions, crew.owed, model.suspensions
    advance = [each.__next__ for each in crew.generators]
    checks = [each.holds for each in model.invariants if not each.at_end]
    thread, why = _begin(crew, chooser)
    for count in range(most):
        ready = crew.free
        for bit, until in conditions.items():
            if until():
                ready |= bit
        if owed:
            ready = crew.fair(ready, thread)
        if not ready:
            return at_rest(model, crew.waiting())
        if why == VISIT and not ready >> thread & 1:
            why = YIELD if thread in owed else BLOCKED
        thread = choose(ready, count, thread, why)
        note(thread)
        try:
            step = advance[thread]()
        except StopIteration:
            crew.leave(thread)
            arrive(thread, 0, 0, 0)
            why = ENDED
        else:
            why = VISIT
            if type(step) is str and 1 << thread not in conditions:
                at[thread] = step
                arrive(thread, NUMBERS[step], EVERYTHING, count)
            else:
                arrive(thread, *crew.arrive(thread, step), count)
        for holds in checks:
            if not holds(model):
                return _broken(model)
        if suspensions:
            raise FaultyModelError(f"a yield while {suspensions[-1]} was suspended")
    raise EndlessError(NO_END.format(most))


def _begin(crew: Crew, chooser: Chooser) -> tuple[int, int]:
    """Tell the chooser where all threads stand; nobody has run yet, and why one is to be chosen."""
    for thread in range(len(crew.at)):
        chooser.arrive(thread, *crew.event(thread), 0)
    return -1, BEGIN


def _broken(model: Mechanism) -> Broken | None:
    """The first invariant that does not hold."""
    for each in model.invariants:
        if not each.at_end and not each.holds(model):
            return Broken(each.key, each.says)
    return None


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
