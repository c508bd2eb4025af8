"""LK-CS1: critical sections on one object, nested in any order."""

from stressor.mechanisms.base import Status, Steps, liveness
from stressor.mechanisms.locks.sections import Sections


class OneSection(Sections):
    """A section locks an object's mutex, and gives way while its thread has to sleep for another.

    Each thread has a stack of records of the sections that it is in. If the mutex is taken, the record
    is pushed first, without a mutex, and then the thread sleeps for the mutex; to sleep is to
    detach, which unlocks all sections that are recorded and marks them inactive. When a section ends
    and the one below is inactive, that is locked again. So nesting never deadlocks, and the price is
    that an outer section protects nothing across the beginning of an inner one.

    Simplified: mutexes are handed to any thread that sleeps for them; threads nest two objects in
    opposite order and count in both.
    """

    name = "lk-cs1"
    title = "Critical section on one object"
    status = Status.CURRENT
    sources = (
        "Python/critical_section.c",
        "Include/internal/pycore_critical_section.h",
        "PEP 703",
    )
    sizes = {"threads": 2}
    stuck = ("L1", "sections that are nested in any order do not deadlock")
    defects = {
        "pushes-after-lock": "The slow path pushes its record when it has the mutex.",
        "records-early": "The slow path records the mutex before it has it.",
        "outer-stays-suspended": "Ending a section does not resume the one below.",
        "trusts-outer": "The code uses what it read in the outer section before the inner one.",
    }

    def setup(self) -> None:
        """Two objects, each with a count that its mutex guards."""
        names = tuple(f"T{number}" for number in range(1, self.numbers["threads"] + 1))
        self.lay_out(("A", "B"), names)
        self.count = {"A": 0, "B": 0}

    def threads(self) -> dict[str, Steps]:
        """Every other thread nests B in A, the rest A in B."""
        orders = (("A", "B"), ("B", "A"))
        return {
            name: self.worker(name, *orders[number % 2]) for number, name in enumerate(self.stack)
        }

    def worker(self, me: str, outer: str, inner: str) -> Steps:
        """Counts in the inner object, then in the outer one."""
        yield from self.begin(me, outer)
        seen = 0
        if self.has("trusts-outer"):
            yield "load the outer count"
            seen = self.count[outer]
        yield from self.begin(me, inner)
        yield from self.add(inner)
        yield from self.end(me)
        if self.has("trusts-outer"):
            yield "store the outer count"
            self.count[outer] = seen + 1
        else:
            yield from self.add(outer)
        yield from self.end(me)

    def add(self, mutex: str) -> Steps:
        """Count, as an object's own code does: with a load and a store."""
        yield "load the count"
        seen = self.count[mutex]
        yield "store the count"
        self.count[mutex] = seen + 1

    def begin_slow(self, me: str, mutex: str) -> Steps:
        """_PyCriticalSection_BeginSlow."""
        if self.has("pushes-after-lock"):
            yield from self.lock(me, mutex)
            self.push(me, (mutex,))
            return
        self.push(me, (mutex,) if self.has("records-early") else ())
        yield from self.lock(me, mutex)
        self.set_top(me, (mutex,), True)

    def pop(self, me: str) -> Steps:
        """_PyCriticalSection_Pop."""
        if self.has("outer-stays-suspended"):
            yield "_PyCriticalSection_Pop"
            self.stack[me] = self.stack[me][:-1]
        else:
            yield from super().pop(me)

    @liveness("I4", "nothing that was counted in a section is lost")
    def all_counted(self) -> bool:
        return all(each == self.numbers["threads"] for each in self.count.values())

    @liveness("I6", "at rest no mutex is held and no section is left")
    def all_ended(self) -> bool:
        return not any(self.owner.values()) and not any(self.stack.values())
