"""TS-CLEAR: clearing a thread state and deleting it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
OWNER, FINALIZER, OTHER, GROWER = "owner", "finalizer", "other", "grower"
SUB, MAIN = "sub", "main"


class ClearThreadState(Mechanism):
    """A thread state gives back all that it holds, in an order that keeps late comers safe.

    First the objects that it refers to go, whose destructors run Python, queue merges and delay
    frees; then its free lists; then it leaves the table of merge queues, which it drains, so that
    from now on others merge themselves; then its delayed frees go to the interpreter's queue; then
    its heaps. Who clears is attached to the interpreter that owns the objects. Deleting unlinks the
    state, lets go of the GIL, and unregisters from QSBR, which takes a mutex, last. Whoever ends the
    interpreter stops the world first: a state is then cleared by its thread or by that one.

    Simplified: one state, of a subinterpreter with a GIL of its own; the finalizer begins in another
    interpreter and switches; one other thread hands over a reference, and one waits for QSBR's mutex.
    """

    name = "ts-clear"
    title = "Clearing a thread state"
    status = Status.CURRENT
    sources = ("Python/pystate.c (PyThreadState_Clear, tstate_delete_common)", "Python/qsbr.c")
    sizes = {"references": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "clears-from-elsewhere": "The finalizer clears it while attached to another interpreter.",
        "leaves-table-first": "The merge table is left before the objects are dropped.",
        "abandons-heaps-first": "The heaps are abandoned before the delayed frees are handed over.",
        "finalizer-does-not-stop": "The finalizer clears it without stopping the world.",
        "unregisters-with-gil": "QSBR's mutex is taken before the GIL is released.",
        "deletes-uncleared": "The finalizer deletes it without clearing it.",
        "other-looks-unlocked": "Whether the owner is in the table is asked before the lock is taken.",
    }

    def setup(self) -> None:
        """A state with an object in its dict and a delayed free; `other` has references."""
        self.linked = True
        self.attached = False
        self.finalizing = False
        self.interpreter = {OWNER: SUB, FINALIZER: MAIN}
        self.cleared = 0
        self.held = 1  # objects that the state refers to
        self.in_table = True
        self.queued = 0
        self.merged = 0  # by whoever
        self.delayed = 0  # in the state's own queue
        self.handed_over = 0
        self.heaps = True
        self.gil = NOBODY
        self.qsbr_mutex = NOBODY

    def threads(self) -> dict[str, Steps]:
        """The state's own thread, the one that ends the interpreter, and two others."""
        return {
            OWNER: self.owner(),
            FINALIZER: self.finalizer(),
            OTHER: self.other(),
            GROWER: self.grower(),
        }

    def owner(self) -> Steps:
        """Attach, clear, delete; or hang, when the interpreter is being finalized."""
        yield Step("_PyThreadState_Attach", until=lambda: self.finalizing or self.gil == NOBODY)
        if self.finalizing:
            return
        self.gil = OWNER
        self.attached = True
        yield from self.clear(OWNER)
        yield "tstate_delete_common: HEAD_LOCK, unlink"
        self.attached = self.linked = False
        if not self.has("unregisters-with-gil"):
            yield "_PyEval_ReleaseLock"
            self.gil = NOBODY
        yield from self.unregister(OWNER)
        self.gil = NOBODY if self.gil == OWNER else self.gil

    def unregister(self, me: str) -> Steps:
        """_Py_qsbr_unregister."""
        yield Step("_Py_qsbr_unregister: lock", until=lambda: self.qsbr_mutex == NOBODY)
        self.qsbr_mutex = me
        yield "_Py_qsbr_unregister: unlock"
        self.qsbr_mutex = NOBODY

    def finalizer(self) -> Steps:
        """Py_EndInterpreter, for what is left of the state."""
        if not self.has("clears-from-elsewhere"):
            yield "PyThreadState_Swap"
            self.interpreter[FINALIZER] = SUB
        waits = not self.has("finalizer-does-not-stop")
        yield Step("_PyEval_StopTheWorldAll", until=lambda: not (waits and self.attached))
        self.finalizing = True
        yield "_PyThreadState_RemoveExcept: HEAD_LOCK"
        mine = self.linked
        self.linked = False
        if mine:
            if not self.has("deletes-uncleared"):
                yield from self.clear(FINALIZER)
            yield from self.unregister(FINALIZER)

    def other(self) -> Steps:
        """Gives references to the owner's objects back: _Py_brc_queue_object."""
        for _ in range(self.numbers["references"]):
            if self.has("other-looks-unlocked"):
                yield "_Py_brc_queue_object: look the owner up"
                found = self.in_table
                yield "_Py_brc_queue_object: push"
                self.queue(found)
            else:
                yield "_Py_brc_queue_object: bucket mutex, look up, push"
                self.queue(self.in_table)

    def queue(self, found: bool) -> None:
        """Hand an object to the owner, or merge it when it has none."""
        if found:
            self.queued += 1
        else:
            self.merged += 1

    def grower(self) -> Steps:
        """_Py_qsbr_reserve: the mutex was waited for detached, then the GIL is taken again."""
        yield Step("_Py_qsbr_reserve: lock", until=lambda: self.qsbr_mutex == NOBODY)
        self.qsbr_mutex = GROWER
        yield Step("_PyThreadState_Attach", until=lambda: self.gil == NOBODY)
        self.gil = GROWER
        yield "_Py_qsbr_reserve: unlock"
        self.qsbr_mutex = NOBODY
        yield "_PyThreadState_Detach"
        self.gil = NOBODY

    def clear(self, me: str) -> Steps:
        """PyThreadState_Clear."""
        if self.has("leaves-table-first"):
            yield from self.remove_from_table()
        yield "Py_CLEAR(dict): destructors"
        here = self.interpreter[me] == SUB
        self.require(here, "I1", "objects die under their own interpreter")
        self.delayed += self.held
        self.queued += self.held  # a destructor's decrement of an object of this thread
        self.held = 0
        if not self.has("leaves-table-first"):
            yield from self.remove_from_table()
        if self.has("abandons-heaps-first"):
            yield "_PyThreadState_ClearMimallocHeaps"
            self.heaps = False
        yield "_PyMem_AbandonDelayed"
        self.require(self.heaps or not self.delayed, "I4", "freed blocks return to a heap")
        self.handed_over += self.delayed
        self.delayed = 0
        yield "_PyThreadState_ClearMimallocHeaps"
        self.heaps = False
        self.cleared += 1

    def remove_from_table(self) -> Steps:
        """_Py_brc_remove_thread."""
        while self.in_table:
            yield "_Py_brc_remove_thread: merge what is queued"
            self.merged += self.queued
            self.queued = 0
            yield "_Py_brc_remove_thread: bucket mutex, unlink if the queue is empty"
            if not self.queued:
                self.in_table = False

    @safety("I2", "a thread state is cleared once")
    def cleared_once(self) -> bool:
        return self.cleared <= 1

    @safety("I3", "nothing is queued for a thread that has left the table")
    def nothing_is_queued_late(self) -> bool:
        return self.in_table or self.queued == 0

    @liveness("L2", "at rest the state is cleared, and all that it had was dropped or handed over")
    def all_is_given_back(self) -> bool:
        merged = self.merged == self.numbers["references"] + 1
        return self.cleared == 1 and self.held == 0 and merged and self.delayed == 0
