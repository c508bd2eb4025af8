"""SD-HANDLES: what becomes of the handles of threads that did not survive a fork."""

from collections.abc import Callable

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOT_STARTED, STARTING, RUNNING, DONE = range(4)
FRESH, ACTIVE, CALLED = range(3)  # the once flag
NOBODY = ""
MINE, OLD, NEW, UNUSED = "mine", "old", "new", "unused"
CHILD = "child"


class HandlesAfterFork(Mechanism):
    """In the child of a fork every handle is done, but one's own and those that were not started.

    Only the thread that forked is in the child, and joining or detaching the OS thread of another one
    is undefined. So before any Python code runs, each of their handles is marked as done, its once
    flag as called, its event is set, and it leaves both lists. Threads of the parent may have left a
    handle in the middle of being started or joined. The mutex of every handle is unlocked, for it may
    have been handed to a thread that never woke; CPython 3.13 unlocks only those that it marks. Later
    a destructor may drop a handle, and the child may join any of them.

    Simplified: the other threads are stopped by the fork anywhere (stopping the world is SD-FORK's);
    four handles, of the forking thread, a running one, one being started, and one not started.
    """

    name = "sd-handles"
    title = "Thread handles after a fork"
    status = Status.CURRENT
    sources = ("Modules/_threadmodule.c (_PyThread_AfterFork)", "gh-115035")
    stuck = ("L1", "the child's joins return")
    defects = {
        "marks-late": "Python code runs first, and a collection drops the handle of a dead thread.",
        "mutex-kept": "The mutex of a handle stays as the fork found it.",
        "unlocks-marked-only": "A handle that is not marked keeps its mutex locked, as in 3.13.",
        "once-kept": "The once flag stays as the fork found it.",
        "event-kept": "The event is not set.",
        "marks-own": "The handle of the thread that forked is marked as well.",
        "marks-not-started": "Handles that were not started are marked as well.",
        "skips-starting": "A handle that was being started is taken for one that was not.",
        "stays-on-list": "The handles stay on the list that is waited for at exit.",
    }

    def setup(self) -> None:
        """The state of each handle, field by field."""
        self.state = {MINE: RUNNING, OLD: RUNNING, NEW: NOT_STARTED, UNUSED: NOT_STARTED}
        self.mutex = dict.fromkeys(self.state, NOBODY)
        self.once = dict.fromkeys(self.state, FRESH)
        self.event: set[str] = set()
        self.listed = {MINE, OLD}  # shutdown_handles
        self.gone: set[str] = set()  # OS threads that have ended
        self.forked = False

    def threads(self) -> dict[str, Steps]:
        """The thread that forks, and goes on in the child."""
        return {CHILD: self.child()}

    def services(self) -> dict[str, Steps]:
        """Threads that there are only before the fork."""
        return {"starter": self.starter(), "joiner": self.joiner(), OLD: self.old()}

    def parent(self, name: str, until: Callable[[], object] = lambda: True) -> Step:
        """A step of a thread that there is only before the fork."""
        return Step(name, until=lambda: not self.forked and until())

    def set_state(self, me: str, handle: str, state: int) -> Steps:
        """set_thread_handle_state."""
        yield self.parent("PyMutex_Lock", lambda: self.mutex[handle] == NOBODY)
        self.mutex[handle] = me
        yield self.parent("store the state, PyMutex_Unlock")
        self.state[handle] = state
        self.mutex[handle] = NOBODY

    def starter(self) -> Steps:
        """do_start_new_thread."""
        yield self.parent("add_to_shutdown_handles")
        self.listed.add(NEW)
        yield from self.set_state("starter", NEW, STARTING)
        yield from self.set_state("starter", NEW, RUNNING)

    def joiner(self) -> Steps:
        """ThreadHandle_join of the old one."""
        yield self.parent("PyEvent_WaitTimed", lambda: OLD in self.event)
        yield self.parent("_PyOnceFlag_CallOnce")
        self.once[OLD] = ACTIVE
        yield self.parent("PyThread_join_thread", lambda: OLD in self.gone)
        yield from self.set_state("joiner", OLD, DONE)
        yield self.parent("_PyOnceFlag_CallOnce: called")
        self.once[OLD] = CALLED

    def old(self) -> Steps:
        """The end of a thread."""
        yield self.parent("remove_from_shutdown_handles")
        self.listed.discard(OLD)
        yield self.parent("_PyEvent_Notify: thread_is_exiting")
        self.event.add(OLD)
        yield self.parent("the OS thread ends")
        self.gone.add(OLD)

    def child(self) -> Steps:
        """os.fork, and what the child does."""
        yield "fork"
        self.forked = True
        if self.has("marks-late"):
            yield from self.collect()
        yield "_PyThread_AfterFork"
        for each in self.state:
            if self.is_to_mark(each):
                self.mark(each)
            elif not (self.has("unlocks-marked-only") or self.has("mutex-kept")):
                self.mutex[each] = NOBODY
        yield from self.collect()
        yield from self.join(OLD)
        yield from self.join(NEW)
        yield "ThreadHandle_start: claim"
        startable = self.state[UNUSED] == NOT_STARTED
        self.require(startable, "I3", "a handle that was not started can be started in the child")

    def is_to_mark(self, handle: str) -> bool:
        """Whether a handle is one of a thread that is not in the child."""
        if handle == MINE:
            return self.has("marks-own")
        unstarted = self.state[handle] == NOT_STARTED
        unstarted |= self.state[handle] == STARTING and self.has("skips-starting")
        return not unstarted or self.has("marks-not-started")

    def mark(self, handle: str) -> None:
        """Done for the child, which is the only thread here."""
        self.state[handle] = DONE
        if not self.has("once-kept"):
            self.once[handle] = CALLED
        if not self.has("mutex-kept"):
            self.mutex[handle] = NOBODY
        if not self.has("event-kept"):
            self.event.add(handle)
        if not self.has("stays-on-list"):
            self.listed.discard(handle)

    def collect(self) -> Steps:
        """A destructor drops the last reference to the old handle."""
        yield "ThreadHandle_decref: detach_thread if it runs"
        detaches = self.state[OLD] == RUNNING
        self.require(not detaches, "I1", "the child detaches and joins no thread of the parent")

    def join(self, handle: str) -> Steps:
        """ThreadHandle_join in the child."""
        yield Step("ThreadHandle_join: check_started", until=lambda: self.mutex[handle] == NOBODY)
        if self.state[handle] == NOT_STARTED:
            return
        yield Step("PyEvent_WaitTimed", until=lambda: handle in self.event)
        yield Step("_PyOnceFlag_CallOnce", until=lambda: self.once[handle] != ACTIVE)
        joins = self.once[handle] == FRESH
        self.require(not joins, "I1", "the child detaches and joins no thread of the parent")

    @safety("I4", "the handle of the thread that forked stays as it was")
    def mine_is_kept(self) -> bool:
        return self.state[MINE] == RUNNING and MINE in self.listed and MINE not in self.event

    @liveness("I2", "in the child, handles of threads of the parent are on no list")
    def list_is_clean(self) -> bool:
        return all(self.state[each] == NOT_STARTED for each in self.listed - {MINE})
