"""LK-MONITOR: safethread's monitors, which contain the objects that are not safe to share."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""


class Monitor(Mechanism):
    """A monitor is an object with a lock, and only who is inside touches the plain objects in it.

    Calling a method enters: it blocks while another thread is inside, and counts when the caller is
    inside already. Returning leaves, and so does an exception. What a method returns is checked: a
    plain object does not get out, only what may be shared. A wait within gives the monitor up
    altogether, however deep the calls are, and has it back at the same depth. A finalizer, on its
    own thread, is a method like any other, and enters.

    Simplified: this is a reconstruction from a status report; one monitor with one plain object;
    what the check refuses is an exception that the caller takes as its answer.
    """

    name = "lk-monitor"
    title = "safethread's monitors"
    status = Status.MODEL
    sources = ("A. Olsen, python-safethread status report (2008)",)
    sizes = {"readers": 1}
    stuck = ("L1", "everybody who calls a method gets in and out again")
    defects = {
        "returns-unchecked": "The value that a method returns is not checked for plain objects.",
        "exception-skips-leave": "A method that raises does not leave the monitor.",
        "finalizer-does-not-enter": "The finalizer thread runs the method without entering.",
        "wait-forgets-depth": "After a wait the monitor is entered once, whatever the depth was.",
        "wait-leaves-once": "A wait in a nested call leaves the monitor once only.",
    }

    def setup(self) -> None:
        """Nobody is inside."""
        self.owner = NOBODY
        self.depth = 0
        self.touching: set[str] = set()  # threads at work on the plain object
        self.escaped: set[str] = set()  # threads that have a reference to it outside
        self.ready = False  # what the waiter waits for
        self.waiting = False

    def threads(self) -> dict[str, Steps]:
        """A thread that waits in a nested call, one that raises, readers, and the finalizer."""
        readers = [f"reader{number}" for number in range(1, self.numbers["readers"] + 1)]
        return {
            "waiter": self.waiter("waiter"),
            "raiser": self.raiser("raiser"),
            "finalizer": self.finalizer("finalizer"),
        } | {name: self.reader(name) for name in readers}

    def enter(self, me: str) -> Steps:
        """Block while another thread is inside."""
        yield Step("enter", until=lambda: self.owner in (NOBODY, me))
        self.owner = me
        self.depth += 1

    def leave(self, me: str) -> Steps:
        """One call less."""
        yield "leave"
        self.require(self.owner == me, "I3", "who leaves is inside")
        self.depth -= 1
        if self.depth == 0:
            self.owner = NOBODY

    def touch(self, me: str) -> Steps:
        """Work on the plain object takes a while."""
        yield "touch the plain object"
        self.touching.add(me)
        yield "and be done"
        self.touching.remove(me)

    def waiter(self, me: str) -> Steps:
        """A method that calls another, which waits."""
        yield from self.enter(me)
        yield from self.enter(me)
        if not self.ready:
            yield from self.wait(me)
        yield from self.touch(me)
        yield from self.leave(me)
        yield from self.touch(me)
        yield from self.leave(me)

    def wait(self, me: str) -> Steps:
        """Give the monitor up until it is ready, and be as deep in it as before."""
        yield "wait: give up the monitor"
        depth = self.depth
        self.depth = depth - 1 if self.has("wait-leaves-once") else 0
        if self.depth == 0:
            self.owner = NOBODY
        self.waiting = True
        yield Step("wait", until=lambda: self.ready)
        self.waiting = False
        yield Step("wait: enter again", until=lambda: self.owner in (NOBODY, me))
        self.owner = me
        self.depth = 1 if self.has("wait-forgets-depth") else depth

    def raiser(self, me: str) -> Steps:
        """Makes it ready, and raises an exception."""
        yield from self.enter(me)
        yield "set ready"
        self.ready = True
        yield from self.touch(me)
        if not self.has("exception-skips-leave"):
            yield from self.leave(me)

    def reader(self, me: str) -> Steps:
        """Calls a method that would return the plain object, and uses what it gets."""
        yield from self.enter(me)
        yield "return: check"
        if self.has("returns-unchecked"):
            self.escaped.add(me)
        yield from self.leave(me)
        if me in self.escaped:
            yield from self.touch(me)

    def finalizer(self, me: str) -> Steps:
        """Runs the finalize method of an object in the monitor."""
        if self.has("finalizer-does-not-enter"):
            yield from self.touch(me)
            return
        yield from self.enter(me)
        yield from self.touch(me)
        yield from self.leave(me)

    @safety("I1", "only the thread that is inside touches a plain object")
    def touched_inside(self) -> bool:
        return all(each == self.owner for each in self.touching)

    @safety("I2", "nobody has a reference to a plain object while outside")
    def nothing_escaped(self) -> bool:
        return self.escaped <= {self.owner}

    @safety("I4", "a thread that waits is not inside")
    def waits_outside(self) -> bool:
        return not self.waiting or self.owner != "waiter"

    @liveness("I5", "at rest nobody is inside")
    def nobody_is_inside(self) -> bool:
        return self.owner == NOBODY and self.depth == 0
