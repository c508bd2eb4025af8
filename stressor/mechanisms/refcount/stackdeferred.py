"""RC-DEFER-STACK: references on a thread's stack that are not counted at all."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety


class StackDeferred(Mechanism):
    """What threads fetch all the time, such as a global function, is not counted on their stacks.

    References in the heap are counted; a push and a pop change nothing, so the count of an object
    that is in use may be zero, and whoever brings it there does nothing. Only a collector frees: it
    stops all threads at their safe points, looks through every stack, counts what it finds there, and
    frees what has neither. A pointer must therefore be on the stack before the next safe point, and a
    stack reference that moves into the heap has to be counted at that moment.

    Simplified: one object and two places in the heap; the heap's count is changed in one step (RC-BRC);
    a stack is a number. 3.13 prepares for this (RC-DEFER); the nogil fork had it, and 3.14 has.
    """

    name = "rc-defer-stack"
    title = "Deferred counting with uncounted stack references"
    status = Status.MODEL
    sources = ("PEP 703", "S. Gross, Python multithreading without GIL (2021)")
    sizes = {"users": 1}
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "skips-a-stack": "The collector does not look through the stack of one thread.",
        "frees-at-zero": "Who brings the heap's count to zero frees.",
        "pushed-too-late": "There is a safe point between loading the pointer and pushing it.",
        "moved-uncounted": "A stack reference is stored in the heap without being counted.",
        "threads-not-stopped": "The collector looks through the stacks while threads go on.",
    }

    def setup(self) -> None:
        """An object that a module's dict refers to."""
        self.module = 1
        self.cell = 0  # another place in the heap
        self.count = 1
        users = ("keeper", *(f"user{number}" for number in range(1, self.numbers["users"] + 1)))
        self.stacks = dict.fromkeys(users, 0)
        self.running: set[str] = set()  # threads that are between two safe points
        self.stopped = False
        self.found = 0  # by the collector, on stacks
        self.over: set[str] = set()
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """Users, one of which keeps the object, one that deletes the global, and a collector."""
        users = {name: self.user(name) for name in self.stacks if name != "keeper"}
        return users | {
            "keeper": self.keeper(),
            "deleter": self.deleter(),
            "collector": self.collector(),
        }

    def user(self, me: str) -> Steps:
        """Loads the global and calls it."""
        if (yield from self.load_global(me)):
            yield from self.use(me)
        self.over.add(me)

    def keeper(self) -> Steps:
        """Loads the global, stores it in a cell, calls it, and clears the cell."""
        if (yield from self.load_global("keeper")):
            yield from self.safe_point("keeper")
            yield "PyStackRef_AsPyObjectSteal: Py_INCREF"
            self.count += 0 if self.has("moved-uncounted") else 1
            yield "store in the cell, drop from the stack"
            self.require(not self.freed, "I1", "what is on a stack or in a place is not freed")
            self.cell = 1
            self.stacks["keeper"] = 0
            self.running.discard("keeper")
            yield from self.safe_point("keeper")
            yield "clear the cell"
            self.cell = 0
            yield "Py_DECREF"
            self.running.discard("keeper")
            self.decrement()
        self.over.add("keeper")

    def load_global(self, me: str) -> Steps[int]:
        """LOAD_GLOBAL: whether there was an object; it is on the stack then."""
        yield from self.safe_point(me)
        yield "LOAD_GLOBAL: load"
        there = self.module
        if there and self.has("pushed-too-late"):
            self.running.discard(me)
            yield from self.safe_point(me)
        if there:
            yield "LOAD_GLOBAL: push"
            self.stacks[me] = 1
        self.running.discard(me)
        return there

    def use(self, me: str) -> Steps:
        """CALL, and PyStackRef_CLOSE, which does nothing to the count."""
        yield from self.safe_point(me)
        yield "CALL"
        self.require(not self.freed, "I1", "what is on a stack or in a place is not freed")
        self.stacks[me] = 0
        self.running.discard(me)

    def deleter(self) -> Steps:
        """Deletes the global."""
        yield from self.safe_point("deleter")
        yield "del the global: clear"
        self.module = 0
        yield "Py_DECREF"
        self.running.discard("deleter")
        self.decrement()
        self.over.add("deleter")

    def decrement(self) -> None:
        """Py_DECREF of a reference in the heap."""
        self.count -= 1
        if self.count == 0 and self.has("frees-at-zero"):
            self.free()

    def safe_point(self, me: str) -> Steps:
        """A thread waits here, and nowhere else, while the world is stopped."""
        yield Step("safe point", until=lambda: not self.stopped)
        self.running.add(me)

    def collector(self) -> Steps:
        """One collection at any time, and one at the end."""
        yield from self.collect()
        yield Step("at the end", until=lambda: len(self.over) == len(self.stacks) + 1)
        yield from self.collect()

    def collect(self) -> Steps:
        """Looks through all stacks, and frees what was not found."""
        if not self.has("threads-not-stopped"):
            yield Step("_PyEval_StopTheWorld", until=lambda: not self.running)
            self.stopped = True
        skipped = "keeper" if self.has("skips-a-stack") else ""
        for who in tuple(self.stacks):
            if who != skipped:
                yield "gc_visit_thread_stacks: one stack"
                self.found += self.stacks[who]
        yield "free what is found nowhere"
        if self.count + self.found == 0 and not self.freed:
            self.free()
        self.found = 0
        yield "_PyEval_StartTheWorld"
        self.stopped = False

    def free(self) -> None:
        """The object's memory goes."""
        self.require(not self.freed, "I3", "an object is freed once")
        self.freed = True

    @safety("I1", "what is on a stack or in a place is not freed")
    def no_reference_is_left(self) -> bool:
        return not self.freed or not (self.module or self.cell or any(self.stacks.values()))

    @safety("I2", "with the world stopped, the count is that of the places in the heap")
    def heap_is_counted(self) -> bool:
        return not self.stopped or self.count == self.module + self.cell

    @liveness("L1", "what is found nowhere is freed by the last collection")
    def is_freed(self) -> bool:
        return self.freed
