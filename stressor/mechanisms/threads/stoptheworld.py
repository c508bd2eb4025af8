"""TS-STW: stopping all other threads, and letting them go again."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

DETACHED, ATTACHED, SUSPENDED = range(3)
NOBODY = ""
INTERPRETER, RUNTIME = "interpreter", "runtime"
REQUESTERS = {"collector": INTERPRETER, "forker": RUNTIME}


class StopTheWorld(Mechanism):
    """Who wants the world to stand still counts the others and waits until each is suspended.

    Under HEAD_LOCK the requester notes its request and how many there are to wait for; in rounds it
    moves detached thread states to suspended and asks attached ones through their eval breakers.
    These suspend themselves, and the last of them sets the event. A thread state that is deleted
    meanwhile is taken off the count, a new one starts suspended. A readers-writer lock keeps a stop
    of the whole runtime (writer) and stops of interpreters (readers) apart; waiting for it detaches.

    Simplified: both requesters and all workers are in one interpreter, so the interpreter's own
    mutex is never contended; the 1 ms round comes when it would change something; workers leave by
    PyThreadState_Swap(NULL) and PyThreadState_Delete, as embedders do.
    """

    name = "ts-stw"
    title = "Stop the world"
    status = Status.CURRENT
    sources = ("Python/pystate.c (stop_the_world, park_detached_threads, start_the_world)",)
    sizes = {"workers": 1, "visits": 1, "collections": 1}
    stuck = ("L1", "every stop comes about, and every thread comes back from it")
    defects = {
        "new-starts-detached": "A thread state made during a stop starts detached.",
        "delete-keeps-count": "A thread state that is deleted is not taken off the count.",
        "delete-counts-suspended": "A suspended one that is deleted is taken off the count again.",
        "counts-requester": "The requester counts itself.",
        "start-attaches": "The start makes suspended threads attached instead of detached.",
        "start-forgets-one": "The start leaves out the thread state that was made last.",
        "no-readers-writer-lock": "Nothing keeps the two kinds of stops apart.",
        "waits-attached": "A requester stays attached while it waits for the lock.",
        "event-not-reset": "The event of an earlier stop is still set at the next one.",
    }

    def setup(self) -> None:
        """All are detached. `word` is the list of thread states, the newest last."""
        self.word = dict.fromkeys(REQUESTERS, DETACHED)
        self.please_stop: set[str] = set()
        self.owner = NOBODY  # of the readers-writer lock
        self.requester = dict.fromkeys((INTERPRETER, RUNTIME), NOBODY)
        self.countdown = dict.fromkeys((INTERPRETER, RUNTIME), 0)
        self.event: set[str] = set()
        self.stopped: set[str] = set()  # requesters whose world stands still

    def threads(self) -> dict[str, Steps]:
        """A collector, a forker, and threads that come and go."""
        workers = [f"worker{number}" for number in range(1, self.numbers["workers"] + 1)]
        return {each: self.requesting(each) for each in REQUESTERS} | {
            each: self.worker(each) for each in workers
        }

    def requesting(self, me: str) -> Steps:
        """Come, stop, start, and leave; the forker does it twice."""
        for _ in range(2 if me == "forker" else self.numbers["collections"]):
            yield from self.attach(me, "PyEval_RestoreThread: ")
            yield from self.lock(me)
            yield from self.stop(me, REQUESTERS[me])
            yield from self.start(me, REQUESTERS[me])
            yield from self.detach(me)

    def lock(self, me: str) -> Steps:
        """_PyRWMutex_Lock or _PyRWMutex_RLock."""
        while not self.has("no-readers-writer-lock"):
            yield "_PyRWMutex_Lock: CAS"
            if self.owner == NOBODY:
                self.owner = me
                return
            if self.has("waits-attached"):
                yield Step("_PyRWMutex_Lock: park", until=lambda: self.owner == NOBODY)
                continue
            yield "_PyThreadState_Detach"
            self.word[me] = DETACHED
            yield Step("_PyRWMutex_Lock: park", until=lambda: self.owner == NOBODY)
            yield from self.attach(me)

    def attach(self, me: str, by: str = "") -> Steps:
        """_PyThreadState_Attach; `by` says in the name of the step who calls it."""
        yield Step(f"{by}_PyThreadState_Attach: CAS", until=lambda: self.word[me] != SUSPENDED)
        self.word[me] = ATTACHED

    def detach(self, me: str) -> Steps:
        """_PyThreadState_Detach, of one's own accord."""
        yield "PyEval_SaveThread: _PyThreadState_Detach"
        self.word[me] = DETACHED

    def stop(self, me: str, scope: str) -> Steps:
        """stop_the_world; a round is done under HEAD_LOCK, the first one with the counting."""
        yield "stop_the_world: HEAD_LOCK, count, park_detached_threads"
        self.requester[scope] = me
        self.countdown[scope] = len(self.word) - (not self.has("counts-requester"))
        if not self.has("event-not-reset"):
            self.event.discard(scope)
        done = self.park(me, scope)
        while not done:
            yield Step("PyEvent_WaitTimed", until=lambda: scope in self.event or self.finds(me))
            if scope in self.event:
                break
            yield "park_detached_threads"
            done = self.park(me, scope)
        yield "world_stopped = 1"
        self.stopped.add(me)

    def park(self, me: str, scope: str) -> bool:
        """One round; whether the world stands still."""
        for each, word in self.word.items():
            if each == me:
                continue
            if word == DETACHED:
                self.word[each] = SUSPENDED
                self.countdown[scope] -= 1
            elif word == ATTACHED:
                self.please_stop.add(each)
        return self.countdown[scope] == 0

    def finds(self, me: str) -> bool:
        """Whether another round would change anything."""
        return any(
            word == DETACHED or (word == ATTACHED and each not in self.please_stop)
            for each, word in self.word.items()
            if each != me
        )

    def start(self, me: str, scope: str) -> Steps:
        """start_the_world."""
        yield "start_the_world: HEAD_LOCK, suspended -> detached, unpark"
        self.stopped.discard(me)
        self.requester[scope] = NOBODY
        self.release(me)
        yield "_PyRWMutex_Unlock"
        self.owner = NOBODY if self.owner == me else self.owner

    def release(self, me: str) -> None:
        """Suspended thread states go on."""
        others = [each for each in self.word if each != me]
        if self.has("start-forgets-one"):
            others = others[:-1]
        for each in others:
            self.word[each] = ATTACHED if self.has("start-attaches") else DETACHED

    def worker(self, me: str) -> Steps:
        """Thread states are made, attached, look at their eval breaker once, and are deleted."""
        for _ in range(self.numbers["visits"]):
            yield "new_threadstate: HEAD_LOCK, add_threadstate"
            late = any(self.requester.values()) and not self.has("new-starts-detached")
            self.word[me] = SUSPENDED if late else DETACHED
            yield from self.attach(me, "PyEval_RestoreThread: ")
            yield "_Py_HandlePending: clear please-stop"
            if me in self.please_stop:
                self.please_stop.discard(me)
                yield from self.suspend(me)
            yield from self.detach(me)
            yield "tstate_delete_common: HEAD_LOCK, unlink"
            self.delete(me)

    def delete(self, me: str) -> None:
        """tstate_delete_common, with HEAD_LOCK."""
        word = self.word.pop(me)
        if self.has("delete-counts-suspended") or word != SUSPENDED:
            for scope in (INTERPRETER, RUNTIME):
                if self.requester[scope] and not self.has("delete-keeps-count"):
                    self.decrement(scope)
        self.please_stop.discard(me)

    def suspend(self, me: str) -> Steps:
        """_PyThreadState_Suspend and the attach after it."""
        yield "_PyThreadState_Suspend: HEAD_LOCK, look for a request"
        scope = next((each for each in (RUNTIME, INTERPRETER) if self.requester[each]), NOBODY)
        yield "detach_thread: store the word"
        self.word[me] = SUSPENDED if scope else DETACHED
        if scope:
            yield "decrement_stoptheworld_countdown"
            self.decrement(scope)
        yield from self.attach(me)

    def decrement(self, scope: str) -> None:
        """One less to wait for, with HEAD_LOCK."""
        self.countdown[scope] -= 1
        if self.countdown[scope] == 0:
            self.event.add(scope)

    @safety("I1", "while the world is stopped all other threads are suspended")
    def others_are_suspended(self) -> bool:
        return all(
            word == SUSPENDED
            for me in self.stopped
            for each, word in self.word.items()
            if each != me
        )

    @safety("I2", "nobody is taken off the count twice")
    def count_is_not_negative(self) -> bool:
        return min(self.countdown.values()) >= 0

    @safety("I3", "there is one stop at a time")
    def one_stop(self) -> bool:
        return len(self.stopped) <= 1

    @liveness("I5", "at rest nobody is suspended")
    def nobody_is_suspended(self) -> bool:
        return SUSPENDED not in self.word.values()
