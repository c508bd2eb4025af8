"""TS-CURRENT: where a thread finds its thread state."""

from stressor.mechanisms.base import Mechanism, Status, Steps, liveness, safety

NULL = ""


class CurrentThreadState(Mechanism):
    """Each OS thread has its current thread state in a thread-local variable, null while detached.

    A second thread-local key remembers the state that PyGILState_Ensure made, so that a C thread
    finds it again between two calls. Deleting the current state clears both before the memory goes:
    a signal handler that runs at any moment, and a later Ensure, must never find a freed one. Before
    thread-local storage one global held the current state, which two GILs would have shared.

    Simplified: each interpreter has one thread, which is a C thread; a signal handler runs between
    any two steps of its thread and is one step itself; states are named by thread and number.
    """

    name = "ts-current"
    title = "Current thread state"
    status = Status.CURRENT
    sources = ("Python/pystate.c (current_fast_set, PyGILState_Ensure, tstate_delete_common)",)
    sizes = {"threads": 2, "calls": 2, "nested": 0}
    defects = {
        "deletes-before-clear": "The thread-local pointer is cleared after the state was freed.",
        "one-global": "The current state is one global for all interpreters, each with a GIL.",
        "keeps-gilstate-key": "Deleting leaves the key of PyGILState_Ensure as it was.",
        "unchecked-is-used": "A callback uses what GetUnchecked gave without asking for null.",
    }

    def setup(self) -> None:
        """No thread state. `slots` are what a thread looks up: its own, or the global."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        self.slots = dict.fromkeys(["global"] if self.has("one-global") else names, NULL)
        self.gilstate = dict.fromkeys(names, NULL)
        self.live: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """C threads that call into Python, and a signal for the first."""
        return {name: self.c_thread(name) for name in self.gilstate} | {"signal": self.signal()}

    def slot(self, thread: str) -> str:
        """Which slot a thread looks into."""
        return "global" if self.has("one-global") else thread

    def c_thread(self, me: str) -> Steps:
        """Ensure, run, let go, be called back, come back, Release."""
        for number in range(self.numbers["calls"]):
            yield from self.ensure(me, f"{me}.{number}")
            yield from self.run(me)
            yield "PyEval_SaveThread: current_fast_clear"
            self.slots[self.slot(me)] = NULL
            yield "callback: PyThreadState_GetUnchecked"
            found = self.slots[self.slot(me)]
            usable = found in self.live or (found == NULL and not self.has("unchecked-is-used"))
            self.require(usable, "I4", "nobody uses a thread state that is null")
            for _ in range(self.numbers["nested"]):
                yield from self.ensure(me, f"{me}.{number}")
                yield from self.run(me)
                yield "PyGILState_Release: current_fast_clear"
                self.slots[self.slot(me)] = NULL
            yield "PyEval_RestoreThread: current_fast_set"
            self.slots[self.slot(me)] = self.gilstate[me]
            yield from self.delete_current(me)

    def ensure(self, me: str, fresh: str) -> Steps:
        """PyGILState_Ensure."""
        yield "PyGILState_Ensure: gilstate_tss_get"
        known = self.gilstate[me]
        if known == NULL:
            yield "new_threadstate"
            self.live.add(fresh)
            yield "bind_gilstate_tstate"
            self.gilstate[me] = known = fresh
        yield "_PyThreadState_Attach: current_fast_set"
        self.require(known in self.live, "I1", "no freed thread state is attached")
        self.slots[self.slot(me)] = known

    def run(self, me: str) -> Steps:
        """Python code asks for its thread state."""
        yield "_PyThreadState_GET"
        found = self.slots[self.slot(me)]
        self.require(found == self.gilstate[me], "I2", "a thread finds its own thread state")

    def delete_current(self, me: str) -> Steps:
        """PyThreadState_Clear and _PyThreadState_DeleteCurrent, at the last PyGILState_Release."""
        mine = self.gilstate[me]
        if not self.has("deletes-before-clear"):
            yield "current_fast_clear"
            self.slots[self.slot(me)] = NULL
        if not self.has("keeps-gilstate-key"):
            yield "unbind_gilstate_tstate"
            self.gilstate[me] = NULL
        yield "free_threadstate"
        self.live.discard(mine)
        if self.has("deletes-before-clear"):
            yield "current_fast_clear"
            self.slots[self.slot(me)] = NULL

    def signal(self) -> Steps:
        """A handler on the first thread, which looks the thread state up and reads from it."""
        yield "signal handler: PyThreadState_GetUnchecked"
        found = self.slots.get(self.slot("T1"), NULL)
        self.require(found == NULL or found in self.live, "I1", "a handler reads no freed state")

    @safety("I3", "the current thread state is not freed memory")
    def current_lives(self) -> bool:
        return all(each == NULL or each in self.live for each in self.slots.values())

    @liveness("L2", "at rest every thread state was freed, and no key points to one")
    def all_gone(self) -> bool:
        return not self.live and not any(self.gilstate.values())
