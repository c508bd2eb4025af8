"""RC-DOOM: a guard under which nothing is freed, and the list of what died meanwhile."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOT_LISTED = 0


class DoomedList(Mechanism):
    """Who is about to use borrowed references enters the guard; while anybody is in, nothing is freed.

    A decrement that comes to zero with the guard held puts the object on the doomed list. Who leaves
    last looks through the list: what still has a count of zero is freed, and what was counted again
    is taken off. The proposal was a list that is freed at the leave, per thread and with buffered
    counts, and a borrowed reference is not saved by that: each of the three makes a defect here. What
    is left is sound, with one lock for every decrement to zero, and memory grows for as long as the
    guards of different threads overlap, which is why nobody built it.

    Simplified: one object, in one place; increments are atomic. What is done under the guard's lock is
    one step.
    """

    name = "rc-doom"
    title = "Deallocation guard with doomed list"
    status = Status.MODEL
    sources = ("L. Hastings on buffered reference counting (2016)",)
    sizes = {"keepers": 1, "passers": 1}
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "frees-without-looking": "The last to leave frees the whole list, whatever the counts are.",
        "guard-per-thread": "A thread that leaves looks at its own guard only.",
        "counts-are-buffered": "Increments wait in a log, and the last to leave looks at old counts.",
        "listed-twice": "An object that dies a second time under the guard is put on the list again.",
        "list-cleared-late": "The list is read in one step and cleared in a later one.",
        "zero-before-guard": "The decrement and the look at the guard are two steps.",
    }

    def setup(self) -> None:
        """An object with the reference of one place."""
        self.slot = 1
        self.count = 1
        self.late = 0  # increments that wait in a log
        self.inside: set[str] = set()  # the guard's holders; it counts them
        self.listed = NOT_LISTED  # how often the object is on the doomed list
        self.handles = 1
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """Some keep what they found, some only pass by, and one clears the place."""
        keepers = [f"keeper{number}" for number in range(1, self.numbers["keepers"] + 1)]
        passers = [f"passer{number}" for number in range(1, self.numbers["passers"] + 1)]
        return (
            {name: self.keeper(name) for name in keepers}
            | {name: self.passer(name) for name in passers}
            | {"clearer": self.clearer()}
        )

    def services(self) -> dict[str, Steps]:
        """Logged increments come to the count at some time."""
        return {"log": self.log()}

    def log(self) -> Steps:
        """Applies increments that were logged."""
        while True:
            yield Step("apply the log", until=lambda: self.late)
            self.count += self.late
            self.late = 0

    def keeper(self, me: str) -> Steps:
        """Borrows under the guard, counts, and keeps the reference when the guard is left."""
        if (yield from self.borrow(me)):
            yield from self.increment()
            yield from self.leave(me)
            yield "use"
            self.require(
                not self.freed, "I2", "an object that was counted under the guard lives on"
            )
            yield from self.decrement(me)
        else:
            yield from self.leave(me)

    def passer(self, me: str) -> Steps:
        """Counts and uncounts what it borrowed, all under the guard."""
        if (yield from self.borrow(me)):
            yield from self.increment()
            yield from self.decrement(me)
        yield from self.leave(me)

    def clearer(self) -> Steps:
        """Empties the place, under a guard of its own."""
        yield "guard_enter"
        self.inside.add("clearer")
        yield "list.clear: store"
        self.slot = 0
        yield from self.decrement("clearer")
        yield from self.leave("clearer")

    def borrow(self, me: str) -> Steps[int]:
        """Enters the guard and reads the place; whether there was an object."""
        yield "guard_enter"
        self.inside.add(me)
        yield "PyList_GetItem: load"
        return self.slot

    def increment(self) -> Steps:
        """Counts a borrowed reference, perhaps up from zero."""
        yield "Py_INCREF"
        self.require(not self.freed, "I1", "nothing is freed while a thread is in the guard")
        if self.has("counts-are-buffered"):
            self.late += 1
        else:
            self.count += 1
        self.handles += 1

    def decrement(self, me: str) -> Steps:
        """Uncounts; what dies goes on the list or, without a guard, is freed."""
        yield "Py_DECREF: under the guard's lock"
        self.handles -= 1
        self.count -= 1
        if self.count == 0:
            if self.has("zero-before-guard"):
                yield "load the guard"
            if not self.held(me):
                self.free()
            elif not self.listed or self.has("listed-twice"):
                self.listed += 1

    def leave(self, me: str) -> Steps:
        """The last one out deals with the list."""
        yield "guard_leave: under the guard's lock"
        self.inside.remove(me)
        if self.held(me):
            return
        dead = self.listed
        if self.has("list-cleared-late"):
            yield "free the dead, clear the list"
        self.listed = NOT_LISTED
        for _ in range(dead):
            if self.count == 0 or self.has("frees-without-looking"):
                self.free()

    def held(self, me: str) -> bool:
        """Whether somebody is in the guard."""
        return me in self.inside if self.has("guard-per-thread") else bool(self.inside)

    def free(self) -> None:
        """The object's memory goes."""
        self.require(not self.freed, "I3", "a dead object is freed once")
        self.freed = True

    @safety("I2", "nobody has a counted reference to an object that was freed")
    def no_handle_is_left(self) -> bool:
        return not self.freed or not self.handles

    @liveness("L1", "at rest the guard is free, and what is dead was freed")
    def nothing_is_left(self) -> bool:
        return not self.inside and self.freed
