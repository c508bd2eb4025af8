"""SD-STW: finalization stops the world, and daemon threads hang from then on."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

DETACHED, ATTACHED, SUSPENDED, SHUTTING_DOWN = range(4)
FINALIZER, NOBODY = "finalizer", ""


class StopForShutdown(Mechanism):
    """Daemon threads are stopped, their thread states taken away, and they never come back.

    With the world stopped the runtime is marked as finalizing and all other thread states are
    unlinked; then the world is started, so that clearing them may run destructors. A daemon that
    tries to attach finds the mark, in the runtime and not in its thread state, and sleeps for ever:
    ending the OS thread would unwind C++ frames that expect to be attached. For the moment between
    looking and attaching each thread has a reference to its state, and unlinked states say so
    themselves, as from CPython 3.14 on; 3.13 can touch a freed one there.

    Simplified: one interpreter; daemons detach once and come back; sleeping for ever is the end here.
    """

    name = "sd-stw"
    title = "Stop the world at shutdown"
    status = Status.CURRENT
    sources = (
        "Python/pylifecycle.c (_Py_Finalize)",
        "Python/pystate.c (_PyThreadState_RemoveExcept, _PyThreadState_DeleteList)",
        "gh-124878",
    )
    sizes = {"daemons": 2}
    stuck = ("L1", "finalization ends, whatever daemons were doing")
    defects = {
        "deletes-running": "Thread states are unlinked and freed without stopping the world.",
        "flag-after-start": "The world is started before finalization is announced.",
        "no-own-reference": "A daemon that has looked attaches a state that is freed (3.13).",
        "asks-the-thread-state": "Whether a thread must exit is read from its freed thread state.",
        "detaches-with-lock": "A daemon detaches, and so hangs, with a lock that a destructor needs.",
        "exits-in-cpp": "The OS thread is ended, which runs destructors of C++ frames.",
        "clears-while-stopped": "The thread states are cleared before the world is started.",
    }

    def setup(self) -> None:
        """Daemons that are detached."""
        names = [f"daemon{number}" for number in range(1, self.numbers["daemons"] + 1)]
        self.word = dict.fromkeys(names, DETACHED)
        self.refs = dict.fromkeys(names, 1 if self.unowned() else 2)
        self.finalizing = False
        self.stopped = False
        self.unlinked = False
        self.lock = NOBODY  # a mutex of some extension
        self.finished = False

    def unowned(self) -> bool:
        """Whether threads have no reference to their own state."""
        return self.has("no-own-reference") or self.has("asks-the-thread-state")

    def threads(self) -> dict[str, Steps]:
        """The daemons, and the thread that finalizes."""
        return {name: self.daemon(name) for name in self.word} | {FINALIZER: self.finalizer()}

    def daemon(self, me: str) -> Steps:
        """Attach, work under a lock, block detached, work again."""
        for _ in range(2):
            if not (yield from self.attach(me)):
                yield from self.hang(me)
                return
            yield from self.work(me)
            yield "_PyThreadState_Detach"
            self.use(me)
            self.word[me] = DETACHED
            if self.lock == me:
                yield from self.unlock_later(me)

    def work(self, me: str) -> Steps:
        """Something that is done with the lock where it is free, and without it where not."""
        yield "PyMutex_LockFast"
        if self.lock == NOBODY:
            self.lock = me
        yield "run Python code"
        self.require(not self.unlinked, "I2", "no thread runs once its thread state is unlinked")
        if self.lock == me and not self.has("detaches-with-lock"):
            yield "PyMutex_Unlock"
            self.lock = NOBODY

    def unlock_later(self, me: str) -> Steps:
        """With the defect: attach again, and only then unlock."""
        if (yield from self.attach(me)):
            yield "PyMutex_Unlock"
            self.lock = NOBODY
            yield "_PyThreadState_Detach"
            self.word[me] = DETACHED

    def attach(self, me: str) -> Steps[bool]:
        """_PyThreadState_Attach; false where the thread must hang."""
        yield "_PyThreadState_MustExit"
        if self.has("asks-the-thread-state"):
            self.use(me)
        if self.finalizing:
            return False
        yield "tstate_try_attach: CAS"
        self.use(me)
        while self.word[me] == SUSPENDED:
            yield Step("tstate_wait_attach: park", until=lambda: self.word[me] != SUSPENDED)
            self.use(me)
        if self.word[me] == SHUTTING_DOWN:
            return False
        self.word[me] = ATTACHED
        return True

    def hang(self, me: str) -> Steps:
        """_PyThreadState_HangThread."""
        if self.has("exits-in-cpp"):
            yield "pthread_exit: unwind, Py_DECREF"
            self.require(self.word[me] == ATTACHED, "I5", "destructors run attached")

    def use(self, me: str) -> None:
        """The thread state is touched."""
        self.require(self.refs[me] > 0, "I3", "no thread touches a thread state that was freed")

    def finalizer(self) -> Steps:
        """_Py_Finalize."""
        if not self.has("deletes-running"):
            yield Step("_PyEval_StopTheWorldAll", until=lambda: ATTACHED not in self.word.values())
            self.stopped = True
            self.word = dict.fromkeys(self.word, SUSPENDED)
        if not self.has("flag-after-start"):
            yield "_PyRuntimeState_SetFinalizing"
            self.finalizing = True
        yield "_PyThreadState_RemoveExcept"
        self.unlinked = True
        if self.has("clears-while-stopped"):
            yield from self.delete_list()
        yield "_PyEval_StartTheWorldAll"
        self.stopped = False
        word = DETACHED if self.has("flag-after-start") else SHUTTING_DOWN
        self.word = dict.fromkeys(self.word, word)
        if self.has("flag-after-start"):
            yield "_PyRuntimeState_SetFinalizing"
            self.finalizing = True
            self.word = dict.fromkeys(self.word, SHUTTING_DOWN)
        if not self.has("clears-while-stopped"):
            yield from self.delete_list()
        self.finished = True

    def delete_list(self) -> Steps:
        """_PyThreadState_DeleteList."""
        yield Step("PyThreadState_Clear: destructors", until=lambda: self.lock == NOBODY)
        self.require(not self.stopped, "I4", "destructors run with the world started")
        yield "free_threadstate"
        self.refs = {each: refs - 1 for each, refs in self.refs.items()}

    @safety("I1", "no thread is attached once its thread state was taken away")
    def nobody_is_attached(self) -> bool:
        return not (self.unlinked and ATTACHED in self.word.values())

    @liveness("L2", "at rest finalization has ended")
    def has_ended(self) -> bool:
        return self.finished
