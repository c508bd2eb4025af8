"""SD-FORK: forking while other threads run, and what the child makes of what they left."""

from collections.abc import Callable

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
FORKER, HOLDER, WAITER, STRANGER = "forker", "holder", "waiter", "stranger"


class ForkWithThreads(Mechanism):
    """A fork copies memory in the middle of whatever the other threads are doing, and only one survives.

    So the world is stopped first, which leaves what needs an attached thread state in order, and
    HEAD_LOCK is taken, for those that change the list of thread states without having one. A stopped
    thread may still own a mutex, or have been handed one that it never woke up to take: the child
    empties the parking lot and zeroes every lock. It unlinks the other thread states, starts the
    world, and only then clears them, for that runs destructors.

    Simplified: only the child goes on after the fork; one listed mutex; the holder detaches with the
    mutex, as a thread does that waits for another one; hooks and the import lock are left out.
    """

    name = "sd-fork"
    title = "Fork with other threads"
    status = Status.CURRENT
    sources = (
        "Modules/posixmodule.c (PyOS_BeforeFork, PyOS_AfterFork_Child)",
        "Python/pystate.c (_PyRuntimeState_ReInitThreads)",
    )
    stuck = ("L1", "the child can take locks, and comes to its end")
    defects = {
        "no-head-lock": "HEAD_LOCK is not taken: the list of thread states may be half changed.",
        "forks-running-world": "The world is not stopped: attached threads may be half done.",
        "parking-lot-kept": "The parking lot is not emptied, and a mutex is handed to a dead waiter.",
        "lock-left-out": "A mutex is missing in the list of those to zero.",
        "handed-off-is-kept": "A mutex that was handed to a waiter is not zeroed.",
        "clears-before-start": "The thread states are cleared while the world is stopped.",
        "keeps-main-ident": "The main thread is still the one that was so in the parent.",
    }

    def setup(self) -> None:
        """Three threads with thread states and one without; the holder is the main thread."""
        self.thread_states = {FORKER, HOLDER, WAITER}
        self.attached = {HOLDER}
        self.main = HOLDER
        self.head_lock = NOBODY
        self.list_is_whole = True
        self.dict_is_whole = True
        self.mutex = NOBODY
        self.parked: set[str] = set()
        self.stopped = False
        self.forked = False
        self.zeroed = False  # the child has dealt with the locks

    def threads(self) -> dict[str, Steps]:
        """The thread that forks, first in the parent, then in the child."""
        return {FORKER: self.forker()}

    def services(self) -> dict[str, Steps]:
        """Threads that the child does not have: they go no further once the fork is done."""
        return {HOLDER: self.holder(), WAITER: self.waiter(), STRANGER: self.stranger()}

    def parent(self, name: str, until: Callable[[], object] = lambda: True) -> Step:
        """A step of a thread that there is only before the fork."""
        return Step(name, until=lambda: not self.forked and until())

    def holder(self) -> Steps:
        """Changes a dict, then detaches with a mutex, and unlocks it."""
        yield self.parent("dict: resize begins")
        self.dict_is_whole = False
        yield self.parent("dict: resize ends")
        self.dict_is_whole = True
        yield self.parent("PyMutex_LockFast")
        if self.mutex == NOBODY:
            self.mutex = HOLDER
        yield self.parent("_PyThreadState_Detach")
        self.attached.discard(HOLDER)
        yield self.parent("_PyThreadState_Attach", lambda: not self.stopped)
        self.attached.add(HOLDER)
        if self.mutex == HOLDER:
            yield self.parent("PyMutex_Unlock: hand over")
            self.unlock()
        yield self.parent("_PyThreadState_Detach")
        self.attached.discard(HOLDER)

    def waiter(self) -> Steps:
        """Waits for the mutex, detached."""
        yield self.parent("PyMutex_Lock: CAS, or park", lambda: not self.stopped)
        if self.mutex == NOBODY:
            self.mutex = WAITER
        else:
            self.parked.add(WAITER)
            yield self.parent("_PySemaphore_Wait", lambda: self.mutex == WAITER)
        yield self.parent("_PyThreadState_Attach", lambda: not self.stopped)
        self.attached.add(WAITER)
        yield self.parent("PyMutex_Unlock")
        self.unlock()
        self.attached.discard(WAITER)

    def unlock(self) -> None:
        """PyMutex_Unlock: the first of those that are parked gets it."""
        self.mutex = NOBODY
        if self.parked:
            self.mutex = self.parked.pop()

    def stranger(self) -> Steps:
        """A thread without a thread state, which makes itself one."""
        yield self.parent("new_threadstate: HEAD_LOCK", lambda: self.head_lock == NOBODY)
        self.head_lock = STRANGER
        yield self.parent("add_threadstate: store next->prev")
        self.list_is_whole = False
        yield self.parent("add_threadstate: store threads.head")
        self.list_is_whole = True
        self.thread_states.add(STRANGER)
        yield self.parent("new_threadstate: HEAD_UNLOCK")
        self.head_lock = NOBODY

    def forker(self) -> Steps:
        """os.fork."""
        if not self.has("forks-running-world"):
            yield Step("_PyEval_StopTheWorldAll", until=lambda: not self.attached)
            self.stopped = True
        if not self.has("no-head-lock"):
            yield Step("PyOS_BeforeFork: HEAD_LOCK", until=lambda: self.head_lock == NOBODY)
            self.head_lock = FORKER
        yield "fork"
        self.forked = True
        yield from self.reinit_threads()
        yield "_PyThreadState_RemoveExcept"
        self.require(self.list_is_whole, "I1", "the list of thread states is whole in the child")
        self.thread_states = {FORKER}
        if self.has("clears-before-start"):
            yield from self.delete_list()
        yield "_PyEval_StartTheWorldAll"
        self.stopped = False
        if not self.has("clears-before-start"):
            yield from self.delete_list()
        yield Step("start a thread: HEAD_LOCK", until=lambda: self.head_lock == NOBODY)
        self.require(self.main == FORKER, "I5", "the thread that forked is the child's main thread")

    def reinit_threads(self) -> Steps:
        """_PyRuntimeState_ReInitThreads."""
        if not self.has("parking-lot-kept"):
            yield "_PyParkingLot_AfterFork"
            self.parked.clear()
        yield "_PyRuntimeState_ReInitThreads: zero the locks"
        self.head_lock = NOBODY
        handed_off = self.mutex == WAITER and self.has("handed-off-is-kept")
        if not handed_off and not self.has("lock-left-out"):
            self.mutex = NOBODY
        self.zeroed = True
        if not self.has("keeps-main-ident"):
            yield "_PyRuntimeState_ReInitThreads: store main_thread"
            self.main = FORKER

    def delete_list(self) -> Steps:
        """_PyThreadState_DeleteList: destructors, which take the mutex."""
        yield Step("PyThreadState_Clear: PyMutex_Lock", until=lambda: self.mutex == NOBODY)
        self.require(not self.stopped, "I3", "destructors run with the world started")
        self.require(
            self.dict_is_whole, "I1", "what attached threads changed is whole in the child"
        )
        self.mutex = FORKER
        yield "PyThreadState_Clear: PyMutex_Unlock"
        self.unlock()

    @safety("I2", "no lock is held by a thread that the child does not have")
    def no_dead_owner(self) -> bool:
        return not self.zeroed or {self.mutex, self.head_lock} <= {NOBODY, FORKER}

    @liveness("I4", "the child has one thread state")
    def one_thread_state(self) -> bool:
        return self.thread_states == {FORKER}
