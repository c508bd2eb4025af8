"""TS-BREAKER: one word per thread for all that should interrupt it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

MERGE, ASYNC = 1, 2
EVENTS = MERGE | ASYNC
VERSION = 4  # one unit of the instrumentation version, above the events
TARGET, BYSTANDER = "target", "bystander"


class EvalBreaker(Mechanism):
    """The low bits of a thread's word say what it should see to; the rest is a version number.

    Others set a bit by an atomic or, after the work itself was queued. The thread loads the word now
    and then, clears each bit it found by an atomic and, and only then does the work: an event that
    comes in between sets the bit again. The version of the instrumentation lives in the same word and
    is replaced by compare-and-swap, which keeps the bits.

    Simplified: two kinds of events (a refcount merge, an asynchronous exception), one thread that
    gets them and one that has nothing to do; the version is stored without stopping the world, which
    TS-INSTR is about.
    """

    name = "ts-breaker"
    title = "Eval breaker of a thread"
    status = Status.CURRENT
    sources = ("Python/ceval_gil.c", "Include/internal/pycore_ceval.h", "Python/pystate.c")
    sizes = {"merges": 2, "looks": 0}
    stuck = ("L1", "the thread comes to its end")
    defects = {
        "load-then-store": "A bit is set by a load and a store.",
        "acts-before-clear": "The bit is cleared after the work was done.",
        "version-drops-bits": "The new version is stored over the event bits.",
        "other-threads-bit": "The bit is set in the word of another thread.",
        "bit-before-exception": "The bit is set before the exception is stored.",
        "clears-all-bits": "Seeing to one event clears the bits of all.",
    }

    def setup(self) -> None:
        """Nothing to do."""
        self.word = {TARGET: VERSION, BYSTANDER: VERSION}
        self.version = VERSION
        self.queue = 0  # objects to merge
        self.merged = 0
        self.exception = False
        self.raised = 0
        self.senders = 3

    def threads(self) -> dict[str, Steps]:
        """The thread with the word, and three others that write to it."""
        return {
            TARGET: self.target(),
            "merger": self.merger(),
            "raiser": self.raiser(),
            "monitor": self.monitor(),
        }

    def target(self) -> Steps:
        """Looks some times, then as long as somebody might send something."""
        for _ in range(self.numbers["looks"]):
            yield "evaluate"
            yield "_Py_HandlePending: load eval_breaker"
            yield from self.handle(self.word[TARGET])
        while True:
            yield Step(
                "_Py_HandlePending: load eval_breaker",
                until=lambda: self.word[TARGET] & EVENTS or not self.senders,
            )
            seen = self.word[TARGET]
            if not seen & EVENTS:
                return
            yield from self.handle(seen)

    def handle(self, seen: int) -> Steps:
        """_Py_HandlePending."""
        if seen & MERGE:
            if self.has("acts-before-clear"):
                yield "_Py_brc_merge_refcounts"
                self.merge()
            yield "_Py_unset_eval_breaker_bit: merge"
            self.word[TARGET] &= ~(EVENTS if self.has("clears-all-bits") else MERGE)
            if not self.has("acts-before-clear"):
                yield "_Py_brc_merge_refcounts"
                self.merge()
        if seen & ASYNC:
            yield "_Py_unset_eval_breaker_bit: async exception"
            self.word[TARGET] &= ~ASYNC
            yield "exchange async_exc, raise"
            self.raised += self.exception
            self.exception = False

    def merge(self) -> None:
        """All that is queued."""
        self.merged += self.queue
        self.queue = 0

    def set_bit(self, bit: int) -> Steps:
        """_Py_set_eval_breaker_bit."""
        victim = BYSTANDER if self.has("other-threads-bit") else TARGET
        if self.has("load-then-store"):
            yield "_Py_set_eval_breaker_bit: load"
            seen = self.word[victim]
            yield "_Py_set_eval_breaker_bit: store"
            self.word[victim] = seen | bit
        else:
            yield "_Py_set_eval_breaker_bit: atomic or"
            self.word[victim] |= bit

    def merger(self) -> Steps:
        """Another thread queues objects for the target."""
        for _ in range(self.numbers["merges"]):
            yield "_Py_brc_queue_object: push"
            self.queue += 1
            yield from self.set_bit(MERGE)
        yield "merger ends"
        self.senders -= 1

    def raiser(self) -> Steps:
        """PyThreadState_SetAsyncExc."""
        if self.has("bit-before-exception"):
            yield from self.set_bit(ASYNC)
        yield "PyThreadState_SetAsyncExc: exchange async_exc"
        self.exception = True
        if not self.has("bit-before-exception"):
            yield from self.set_bit(ASYNC)
        yield "raiser ends"
        self.senders -= 1

    def monitor(self) -> Steps:
        """set_version_raw, for the target."""
        yield "set_version_raw: load"
        seen = self.word[TARGET]
        while True:
            wanted = 2 * VERSION + (0 if self.has("version-drops-bits") else seen & EVENTS)
            yield "set_version_raw: CAS"
            if self.word[TARGET] == seen or self.has("version-drops-bits"):
                self.word[TARGET] = wanted
                self.version = 2 * VERSION
                break
            seen = self.word[TARGET]
        yield "monitor ends"
        self.senders -= 1

    @safety("I2", "setting and clearing bits leaves the version alone")
    def version_stays(self) -> bool:
        return self.word[TARGET] & ~EVENTS == self.version

    @liveness("I1", "no event is lost: at rest the queue is empty and the exception was raised")
    def nothing_is_lost(self) -> bool:
        return self.queue == 0 and self.raised == 1
