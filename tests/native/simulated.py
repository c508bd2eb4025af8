"""Threads as lists of events, scheduled by the native schedulers: no thread is started.

Obeys the turnstile's contract: one event at a time, a choice after each, and a thread that yielded
is not ready until all that were ready then have had their turn or cannot run.
"""

from collections.abc import Sequence
from enum import Enum

from attrs import define, field, frozen

from stressor._shim import Scheduler, schedulers
from stressor.model.evidence import Why

STEPS_MOST = 10_000

WHY = {why: number for number, why in enumerate(Why)}
NUMBERS = {name: dict(numbers) for name, numbers in schedulers()}


class Does(Enum):
    STEP = "step"
    SPIN = "spin"  # yields until the event named `until` was made
    LOCK = "lock"  # blocks while another thread has locked `obj`
    UNLOCK = "unlock"


@frozen
class Event:
    """`name` is unique in its program. Its site is made of its place, or given."""

    name: str
    obj: int = 0
    does: Does = Does.STEP
    until: str = ""
    site: int = 0
    phase: int = 0
    category: int = 0


type Program = Sequence[Sequence[Event]]


def scheduler(name: str, seed: int, threads: int, **given: int) -> Scheduler:
    assert given.keys() <= NUMBERS[name].keys()
    return Scheduler(name, seed, threads, list((NUMBERS[name] | given).values()))


class Stuck(Exception):
    """Nobody can run, or it does not end."""


@define
class Simulation:
    """One run. `made` are the names of the events in the order in which they were made."""

    program: Program
    chooser: Scheduler
    made: list[str] = field(factory=list)
    order: list[int] = field(factory=list)  # the thread of each choice
    at: list[int] = field(init=False)
    tries: list[int] = field(init=False)  # spins so far: each is a visit of its own
    owed: list[set[int]] = field(init=False)
    locked: dict[int, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.at = [0 for _ in self.program]
        self.tries = [0 for _ in self.program]
        self.owed = [set() for _ in self.program]

    def run(self) -> list[str]:
        current, why = -1, Why.BEGIN
        while any(self.event(thread) is not None for thread in range(len(self.program))):
            current = self.choose(current, why)
            why = self.go(current)
        return self.made

    def event(self, thread: int) -> Event | None:
        events = self.program[thread]
        return events[self.at[thread]] if self.at[thread] < len(events) else None

    def ready(self) -> set[int]:
        able = {
            thread
            for thread in range(len(self.program))
            if (event := self.event(thread)) is not None
            and not (event.does is Does.LOCK and event.obj in self.locked)
        }
        for owed in self.owed:
            owed.intersection_update(able)
        return {thread for thread in able if not self.owed[thread]} or able

    def choose(self, current: int, why: Why) -> int:
        ready = self.ready()
        if not ready or len(self.order) >= STEPS_MOST:
            raise Stuck
        mask = sum(1 << thread for thread in ready)
        for thread in range(len(self.program)):
            self.chooser.arrive(thread, *self.pending(thread))
        chosen = self.chooser.choose(mask, len(self.order), current, WHY[why])
        assert chosen in ready
        for owed in self.owed:
            owed.discard(chosen)
        self.order.append(chosen)
        return chosen

    def pending(self, thread: int) -> tuple[int, int, int, int, int]:
        event = self.event(thread)
        if event is None:
            return 0, 0, 0, 0, 0
        site = event.site or thread + 1
        visit = self.at[thread] + self.tries[thread] + 1
        return site, event.obj, visit, event.phase, event.category

    def go(self, thread: int) -> Why:
        """Make the thread's event; what the next choice is due to."""
        event = self.program[thread][self.at[thread]]
        if event.does is Does.SPIN and event.until not in self.made:
            self.tries[thread] += 1
            self.owed[thread] = self.ready() - {thread}
            return Why.YIELD
        if event.does is Does.LOCK:
            self.locked[event.obj] = thread
        elif event.does is Does.UNLOCK:
            del self.locked[event.obj]
        self.made.append(event.name)
        self.at[thread] += 1
        after = self.event(thread)
        if after is None:
            return Why.ENDED
        return Why.BLOCKED if after.does is Does.LOCK and after.obj in self.locked else Why.VISIT


def simulate(program: Program, name: str, seed: int, **numbers: int) -> list[str]:
    """The names of the events in the order in which they were made."""
    return Simulation(program, scheduler(name, seed, len(program), **numbers)).run()


def steps(prefix: str, count: int, obj: int = 0) -> list[Event]:
    """`prefix`0, `prefix`1 and so on."""
    return [Event(f"{prefix}{number}", obj) for number in range(count)]


def in_order(made: Sequence[str], *names: str) -> bool:
    """Whether the named events were made in this order."""
    places = [made.index(name) for name in names]
    return places == sorted(places)
