"""TS-STATE: attaching, detaching and being suspended, as one word per thread state."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

DETACHED, ATTACHED, SUSPENDED = range(3)
NOBODY = ""
MAIN = "main"


class AttachAndDetach(Mechanism):
    """A thread state is detached, attached or suspended, and only an attached one runs Python.

    Its own thread attaches it, by compare-and-swap from detached; who finds it suspended parks on
    the word and tries again. Whoever stops the world moves detached states to suspended and back; an
    attached one is asked to suspend itself. The thread-local pointer is set for at least as long as
    the state is attached, and QSBR knows of the thread before it reads anything shared. While the
    GIL is on, attaching takes it first, and looks again afterwards whether it was switched on.

    Simplified: no critical sections, no errno; the main thread both stops the world and switches the
    GIL on, as the import of an old extension does; QSBR is reduced to online and offline.
    """

    name = "ts-state"
    title = "Attached, detached, suspended"
    status = Status.CURRENT
    sources = ("Python/pystate.c", "Include/cpython/pystate.h")
    sizes = {"threads": 2, "pauses": 2, "visits": 1, "gil": 1}
    stuck = ("L1", "a suspended thread comes back after the pause, and every pause comes about")
    defects = {
        "attaches-by-store": "The word is stored instead of compared, even when it is suspended.",
        "reads-before-online": "QSBR hears of the thread only after its first read.",
        "clears-tls-first": "The thread-local pointer is cleared before the word is stored.",
        "no-second-look-at-gil": "Whether the GIL was switched on meanwhile is not asked again.",
        "start-forgets-one": "The start leaves the last thread state suspended.",
        "parks-once": "A woken thread stores attached without trying again from detached.",
    }

    def setup(self) -> None:
        """All detached. `running` are the threads whose attach has returned."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        self.word = dict.fromkeys(names, DETACHED)
        self.tls: set[str] = set()
        self.online: set[str] = set()
        self.running: set[str] = set()
        self.please_stop: set[str] = set()
        self.requested = False
        self.stopped = False
        self.gil_on = False
        self.gil = NOBODY
        self.linked = True  # an object that main unlinks and frees
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """Threads that attach, read and detach, and the one that stops them."""
        return {name: self.worker(name) for name in self.word} | {MAIN: self.main()}

    def worker(self, me: str) -> Steps:
        """Attach, look at the eval breaker, detach; the first one also reads an object."""
        for _ in range(self.numbers["visits"]):
            yield from self.attach(me, "PyEval_RestoreThread: ")
            if me == "T1":
                yield from self.read(me)
            yield "eval breaker"
            if me in self.please_stop:
                self.please_stop.discard(me)
                yield "_PyThreadState_Suspend: look for a request, under HEAD_LOCK"
                word = SUSPENDED if self.requested else DETACHED
                yield from self.detach(me, word)
                yield from self.attach(me)
            yield from self.detach(me, DETACHED, "PyEval_SaveThread: ")

    def read(self, me: str) -> Steps:
        """An object that another thread may have unlinked, and will free."""
        yield "load the pointer"
        seen = self.linked
        if self.has("reads-before-online"):
            yield "_Py_qsbr_attach"
            self.online.add(me)
        yield "read through the pointer"
        self.require(not (seen and self.freed), "I2", "what a thread reads was not freed")

    def attach(self, me: str, by: str = "") -> Steps:
        """_PyThreadState_Attach; `by` says in the name of its first step who calls it."""
        while True:
            acquire = f"{by}_PyEval_AcquireLock"
            yield Step(acquire, until=lambda: not self.gil_on or self.gil == NOBODY)
            if self.gil_on:
                self.gil = me
            yield "current_fast_set"
            self.tls.add(me)
            yield "tstate_try_attach: CAS detached -> attached"
            if self.word[me] == DETACHED or self.has("attaches-by-store"):
                self.word[me] = ATTACHED
            while self.word[me] != ATTACHED:
                yield Step("tstate_wait_attach: park", until=lambda: self.word[me] != SUSPENDED)
                yield "tstate_wait_attach: CAS detached -> attached"
                if self.word[me] == DETACHED or self.has("parks-once"):
                    self.word[me] = ATTACHED
            yield "_PyEval_IsGILEnabled"
            if not self.gil_on or self.gil == me or self.has("no-second-look-at-gil"):
                break
            yield "tstate_set_detached"
            self.word[me] = DETACHED
            yield "current_fast_clear"
            self.tls.discard(me)
        if not self.has("reads-before-online"):
            yield "_Py_qsbr_attach"
            self.online.add(me)
        self.running.add(me)

    def detach(self, me: str, word: int, by: str = "") -> Steps:
        """detach_thread, to detached or suspended; `by` as in `attach`."""
        yield f"{by}_Py_qsbr_detach"
        self.online.discard(me)
        self.running.discard(me)
        if self.has("clears-tls-first"):
            yield "current_fast_clear"
            self.tls.discard(me)
        yield "tstate_set_detached"
        self.word[me] = word
        yield "current_fast_clear"
        self.tls.discard(me)
        if self.gil == me:
            yield "_PyEval_ReleaseLock"
            self.gil = NOBODY

    def main(self) -> Steps:
        """Pauses; in the last one the GIL is switched on, later main lets go of it."""
        for number in range(self.numbers["pauses"]):
            yield from self.stop()
            if number == self.numbers["pauses"] - 1 and self.numbers["gil"]:
                yield "_PyEval_EnableGILTransient: take the GIL"
                self.gil_on = True
                self.gil = MAIN
            yield "start_the_world: suspended -> detached, unpark"
            self.requested = self.stopped = False
            self.start()
        yield "_PyEval_ReleaseLock"
        self.gil = NOBODY
        yield "unlink the object"
        self.linked = False
        yield Step("_Py_qsbr_poll: free", until=lambda: not self.online)
        self.freed = True

    def stop(self) -> Steps:
        """stop_the_world: until all are suspended."""
        yield "stop_the_world: request, park_detached_threads"
        self.requested = True
        self.park()
        while not self.stopped:
            yield Step("park_detached_threads", until=self.can_park)
            self.park()

    def park(self) -> None:
        """One round: detached ones are suspended, attached ones asked to suspend themselves."""
        for each, word in self.word.items():
            if word == DETACHED:
                self.word[each] = SUSPENDED
            elif word == ATTACHED:
                self.please_stop.add(each)
        self.stopped = all(word == SUSPENDED for word in self.word.values())

    def start(self) -> None:
        """start_the_world, for each thread state."""
        names = list(self.word)
        for each in names[:-1] if self.has("start-forgets-one") else names:
            self.word[each] = DETACHED

    def can_park(self) -> bool:
        """Whether another round would change anything."""
        asked = self.please_stop
        words = self.word.items()
        return all(word == SUSPENDED for _, word in words) or any(
            word == DETACHED or (word == ATTACHED and each not in asked) for each, word in words
        )

    @safety("I1", "an attached thread has its thread-local pointer set")
    def attached_is_current(self) -> bool:
        return all(each in self.tls for each, word in self.word.items() if word == ATTACHED)

    @safety("I3", "while the world is stopped no other thread runs Python")
    def stopped_is_still(self) -> bool:
        return not (self.stopped and self.running)

    @safety("I4", "while the GIL is on, only who has it runs Python")
    def gil_is_held(self) -> bool:
        return not self.gil_on or self.stopped or self.running <= {self.gil}

    @liveness("L2", "at rest all are detached and nobody has the GIL")
    def all_detached(self) -> bool:
        words = self.word.values()
        return all(word == DETACHED for word in words) and not self.tls and self.gil == NOBODY
