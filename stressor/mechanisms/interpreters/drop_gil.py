"""IN-DROPGIL: who drops the GIL on request waits until another thread has it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NOBODY = ""
HOLDER, DAEMON, LAST = "holder", "daemon", "last"


class ForcedSwitching(Mechanism):
    """A thread that drops the GIL because it was asked to waits until another thread has taken it.

    The GIL is dropped and signalled under its mutex. If the drop request is set, the thread then
    takes the switch mutex, compares the last holder with itself, and if there was no switch yet,
    clears the request and waits; whoever takes the GIL changes the last holder and signals under the
    same mutex. Nothing may be touched after the last release of a thread: the one that takes the GIL
    next may delete the interpreter. A waiter that has to exit takes its own request back.

    Simplified: the GIL's mutex and conditions are taken to be right, and what is done under both
    mutexes is one step; an interval passes when the scheduler says so, for a waiter once.
    """

    name = "in-dropgil"
    title = "Forced switching at release of the GIL"
    status = Status.GIL_ONLY
    sources = ("Python/ceval_gil.c", "gh-104341", "gh-96387")
    sizes = {"switches": 1}
    stuck = ("L1", "the forced wait ends, because another thread takes the GIL")
    defects = {
        "waits-on-final-release": "The drop request is looked at after the last release as well.",
        "shared-thread-state": "The last thread runs on the thread state of the first.",
        "exits-with-request-set": "A waiter that exits leaves the drop request that it has made.",
        "no-switch-test": "The last holder is not compared before the wait.",
        "compares-unlocked": "The last holder is compared before the switch mutex is taken.",
    }

    def setup(self) -> None:
        """The first thread has the GIL."""
        self.locked = True
        self.last_holder = HOLDER
        self.requests: set[str] = set()  # thread states with GIL_DROP_REQUEST
        self.waiting = False  # on switch_cond
        self.late: set[str] = set()
        self.queue: set[str] = set()  # wait for the GIL
        self.finalizing = False
        self.gone: set[str] = set()
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """The holder; a daemon that waits and has to exit; the one that ends the interpreter."""
        return {HOLDER: self.holder(), DAEMON: self.daemon(), LAST: self.last()}

    def services(self) -> dict[str, Steps]:
        """The switch interval."""
        return {"clock": self.clock()}

    def clock(self) -> Steps:
        """The interval passes for all who wait."""
        while True:
            yield Step("interval passes", lambda: not self.late.issuperset(self.queue))
            self.late |= self.queue

    def holder(self) -> Steps:
        """Drops and takes the GIL, before finalizing and after it, and drops it for good."""
        for _ in range(self.numbers["switches"]):
            yield from self.drop(HOLDER)
            yield from self.take(HOLDER)
        yield "Py_FinalizeEx: set finalizing"
        self.finalizing = True
        yield from self.drop(HOLDER)
        yield from self.take(HOLDER)
        yield from self.drop(HOLDER, final=True)

    def daemon(self) -> Steps:
        """A daemon thread; it takes the GIL, or hangs when it finds the runtime finalizing."""
        if (yield from self.take(DAEMON)):
            yield from self.drop(DAEMON, final=True)

    def last(self) -> Steps:
        """Takes the GIL and, when the others are gone, deletes the interpreter."""
        me = HOLDER if self.has("shared-thread-state") else LAST
        yield from self.take(me, LAST)
        yield from self.drop(me, final=True, thread=LAST)
        yield Step(
            "Py_EndInterpreter: others are gone", lambda: self.gone == {HOLDER, DAEMON, LAST}
        )
        self.freed = True

    def take(self, me: str, thread: str = NOBODY) -> Steps[bool]:
        """take_gil; whether it was taken."""
        thread = thread or me
        yield "take_gil: lock mutex"
        self.queue.add(thread)
        asked = NOBODY
        while True:
            yield Step(
                "take_gil: COND_TIMED_WAIT(gil->cond)",
                lambda: not self.locked or (thread in self.late and self.acts(thread)),
            )
            if not self.locked:
                break
            if self.exits(thread):
                if asked and not self.has("exits-with-request-set"):
                    self.requests.discard(self.last_holder)
                self.leave(thread)
                self.gone.add(thread)
                return False
            asked = self.last_holder
            self.requests.add(asked)
        self.locked = True
        if self.last_holder != me:
            self.last_holder = me
        self.waiting = False
        self.requests.discard(me)
        self.leave(thread)
        return True

    def acts(self, thread: str) -> bool:
        """Whether a waiter that is late has something to do: exit, or ask."""
        return self.exits(thread) or self.last_holder not in self.requests

    def exits(self, thread: str) -> bool:
        """_PyThreadState_MustExit."""
        return self.finalizing and thread == DAEMON

    def leave(self, thread: str) -> None:
        """Waits no more."""
        self.queue.discard(thread)
        self.late.discard(thread)

    def drop(self, me: str, final: bool = False, thread: str = NOBODY) -> Steps:
        """drop_gil."""
        yield "drop_gil: locked = 0, signal"
        if not final:
            self.last_holder = me
        self.locked = False
        if final:
            self.gone.add(thread or me)
            if not self.has("waits-on-final-release"):
                return
        yield "drop_gil: load GIL_DROP_REQUEST"
        self.require(not self.freed, "I1", "nothing is touched after the last release")
        if me not in self.requests:
            return
        same = self.last_holder == me
        yield "drop_gil: lock switch_mutex, compare last_holder"
        if not self.has("compares-unlocked"):
            same = self.last_holder == me
        if same or self.has("no-switch-test"):
            self.requests.discard(me)
            self.waiting = True
            yield Step("COND_WAIT(switch_cond)", lambda: not self.waiting)

    @safety("I2", "an interpreter is not deleted while its GIL is held or waited for")
    def deleted_last(self) -> bool:
        return not self.freed or not (self.locked or self.queue or self.waiting)
