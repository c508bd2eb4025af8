"""LK-CS2: critical sections on two objects at once."""

from stressor.mechanisms.base import Status, Steps, liveness
from stressor.mechanisms.locks.sections import Mutexes, Sections


class TwoSections(Sections):
    """One record locks two mutexes, in the order of their addresses whatever order the caller has.

    The same object twice is a section on one. If both are free they are taken and recorded; else a
    record without mutexes is pushed, the missing ones are locked, and then both are recorded. While
    the thread sleeps for the second, the first is held but not recorded, so that a suspension does
    not unlock it. Who waits for it waits for the owner of the second, which has a higher address: no
    such chain comes back to its start, which is what "no-order" gives up.

    Simplified: mutexes are handed to any thread that sleeps for them; three
    threads, one of which blocks within its section.
    """

    name = "lk-cs2"
    title = "Critical section on two objects"
    status = Status.CURRENT
    sources = ("Python/critical_section.c", "Include/internal/pycore_critical_section.h")
    stuck = ("L1", "sections on the same two objects in any order do not deadlock")
    defects = {
        "no-order": "The mutexes are locked in the caller's order.",
        "same-object-twice": "The same object twice is taken for two objects.",
        "locks-first-again": "The slow path is not told that the first mutex is locked already.",
        "records-first-early": "The slow path records the first mutex while it lacks the second.",
        "suspends-one": "A suspension unlocks only one of the two.",
    }

    def setup(self) -> None:
        """Two objects; A has the lower address."""
        self.lay_out(("A", "B"), ("T1", "T2", "T3"))

    def threads(self) -> dict[str, Steps]:
        """Both orders, and a section on B with one on A twice in it."""
        return {"T1": self.blocking("T1"), "T2": self.other("T2"), "T3": self.nesting("T3")}

    def blocking(self, me: str) -> Steps:
        """Detaches within its section."""
        yield from self.begin_two(me, "A", "B")
        yield from self.blocking_call(me)
        yield from self.end(me)

    def other(self, me: str) -> Steps:
        """Has the objects in the other order."""
        yield from self.begin_two(me, "B", "A")
        yield from self.end(me)

    def nesting(self, me: str) -> Steps:
        """Has the higher one, and wants the lower one."""
        yield from self.begin(me, "B")
        yield from self.begin_two(me, "A", "A")
        yield from self.end(me)
        yield from self.end(me)

    def begin_two(self, me: str, one: str, other: str) -> Steps:
        """PyCriticalSection2_Begin."""
        if one == other and not self.has("same-object-twice"):
            yield from self.begin(me, one)
            return
        first, second = (one, other) if self.has("no-order") else sorted((one, other))
        yield f"PyCriticalSection2_Begin: PyMutex_LockFast({first})"
        self.inside[me] = ()
        has_first = self.try_lock(me, first)
        if has_first:
            yield f"PyCriticalSection2_Begin: PyMutex_LockFast({second})"
            if self.try_lock(me, second):
                self.push(me, (first, second))
                self.inside[me] = (first, second)
                return
        yield from self.begin_two_slow(me, first, second, has_first)
        self.inside[me] = (first, second)

    def begin_two_slow(self, me: str, first: str, second: str, has_first: bool) -> Steps:
        """_PyCriticalSection2_BeginSlow."""
        self.push(me, ())
        if not has_first or self.has("locks-first-again"):
            yield from self.lock(me, first)
        if self.has("records-first-early"):
            self.set_top(me, (first,), True)
        yield from self.lock(me, second)
        self.set_top(me, (first, second), True)

    def suspended_mutexes(self, mutexes: Mutexes) -> Mutexes:
        """Both."""
        return mutexes[:1] if self.has("suspends-one") else mutexes

    @liveness("I4", "at rest no mutex is held and no section is left")
    def all_ended(self) -> bool:
        return not any(self.owner.values()) and not any(self.stack.values())
