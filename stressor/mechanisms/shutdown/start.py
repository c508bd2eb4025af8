"""SD-START: a thread is started while the interpreter is being finalized."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

CREATOR, NEW, FINALIZER = "creator", "new thread", "finalizer"


class StartDuringFinalization(Mechanism):
    """A new OS thread first asks whether the runtime is being finalized, and then is as good as gone.

    Who starts threads refuses once finalization has begun. A thread that was created just before may
    begin to run just after: it asks the runtime, not its thread state, which may be freed by then.
    If it must exit it leaks the objects that it was to call, for without a thread state it may not
    touch reference counts. Between asking and binding there is room for all of finalization, so here
    each thread has a reference to its own thread state, as from CPython 3.14 on. 3.13 has none, and
    can bind freed memory.

    Simplified: one thread is started by a daemon, another by a destructor of the finalizer; a thread
    that would hang for ever ends here; freeing is what the last reference does.
    """

    name = "sd-start"
    title = "Starting a thread during finalization"
    status = Status.CURRENT
    sources = (
        "Modules/_threadmodule.c (thread_run, do_start_new_thread)",
        "Python/pystate.c (_PyThreadState_MustExit)",
        "gh-124878",
    )
    stuck = ("L1", "finalization comes to its end")
    defects = {
        "binds-before-test": "The thread binds its thread state, which it does not own, and then asks.",
        "no-own-reference": "Finalization frees the state although its thread may use it (3.13).",
        "drops-while-detached": "A thread that must exit gives back its objects without being attached.",
        "start-is-not-refused": "Whoever starts a thread does not ask whether finalization has begun.",
        "flag-after-unlink": "Finalization is announced after the thread states were unlinked.",
        "attach-does-not-ask": "Attaching does not ask again whether finalization has begun.",
    }

    def setup(self) -> None:
        """The creator is attached; nothing was started."""
        self.attached = {CREATOR}
        self.finalizing = False
        self.stopped = False
        self.linked = False  # the new thread's state is in the interpreter's list
        self.late = 0  # thread states made after the list was emptied
        self.emptied = False
        self.refs = 0  # references to the thread state
        self.boot = 0  # references to the objects that the new thread is to call
        self.created = False
        self.settled = False  # the creator has decided
        self.ran = False

    def threads(self) -> dict[str, Steps]:
        """A daemon that starts a thread, that thread, and the one that finalizes."""
        return {CREATOR: self.creator(), NEW: self.new_thread(), FINALIZER: self.finalizer()}

    def creator(self) -> Steps:
        """A daemon thread."""
        yield from self.start(own=True)
        yield "_PyThreadState_Detach"
        self.attached.discard(CREATOR)

    def start(self, own: bool) -> Steps:
        """do_start_new_thread and ThreadHandle_start."""
        yield "do_start_new_thread: finalizing?"
        if self.finalizing and not self.has("start-is-not-refused"):
            self.settled = self.settled or own
            return
        yield "_PyThreadState_New"
        self.late += self.emptied
        if not own:
            return
        self.linked = True
        unowned = self.has("no-own-reference") or self.has("binds-before-test")
        self.refs = 1 if unowned else 2
        self.boot = 1
        yield "PyThread_start_joinable_thread"
        self.created = self.settled = True

    def new_thread(self) -> Steps:
        """thread_run."""
        yield Step("the OS thread begins", until=lambda: self.settled)
        if not self.created:
            return
        if self.has("binds-before-test"):
            yield "_PyThreadState_Bind"
            self.use()
        yield "_PyThreadState_MustExit: load from the runtime"
        if self.finalizing:
            if self.has("drops-while-detached"):
                yield "thread_bootstate_free: Py_DECREF"
                self.require(NEW in self.attached, "I2", "no reference counting while detached")
                self.boot -= 1
            yield from self.drop()
            return
        if not self.has("binds-before-test"):
            yield "_PyThreadState_Bind"
            self.use()
        if not (yield from self.attach()):
            yield from self.drop()
            return
        yield "call, thread_bootstate_free"
        self.ran = True
        self.boot -= 1
        yield "PyThreadState_Clear, _PyThreadState_DeleteCurrent: unlink"
        self.attached.discard(NEW)
        self.refs -= self.linked
        self.linked = False
        yield from self.drop()

    def attach(self) -> Steps[bool]:
        """PyEval_AcquireThread; false where the thread would hang for ever."""
        yield Step("_PyThreadState_Attach: CAS", until=lambda: not self.stopped)
        if self.finalizing and not self.has("attach-does-not-ask"):
            return False
        self.use()
        self.attached.add(NEW)
        return True

    def drop(self) -> Steps:
        """The thread's own reference to its thread state."""
        if not (self.has("no-own-reference") or self.has("binds-before-test")):
            yield "decref_threadstate"
            self.refs -= 1

    def use(self) -> None:
        """The thread state is touched."""
        self.require(self.refs > 0, "I1", "no thread touches a thread state that was freed")

    def finalizer(self) -> Steps:
        """_Py_Finalize."""
        yield Step("_PyEval_StopTheWorldAll", until=lambda: not self.attached)
        self.stopped = True
        if not self.has("flag-after-unlink"):
            yield "_PyRuntimeState_SetFinalizing"
            self.finalizing = True
        yield "_PyThreadState_RemoveExcept"
        mine = self.linked
        self.linked = False
        self.emptied = True
        yield "_PyEval_StartTheWorldAll"
        self.stopped = False
        if mine:
            yield "_PyThreadState_DeleteList"
            self.refs -= 1
        yield from self.start(own=False)
        if self.has("flag-after-unlink"):
            yield "_PyRuntimeState_SetFinalizing"
            self.finalizing = True

    @safety("I3", "no thread state is made after the list of them was emptied")
    def none_is_late(self) -> bool:
        return self.late == 0

    @safety("I4", "no thread is attached while finalization goes on")
    def nobody_is_attached(self) -> bool:
        return not (self.emptied and self.attached)

    @liveness(
        "L2", "at rest the thread state is freed, and a call that ran has dropped its objects"
    )
    def nothing_is_left(self) -> bool:
        return self.refs == 0 and self.boot == int(self.created and not self.ran)
