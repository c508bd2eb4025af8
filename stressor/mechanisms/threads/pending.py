"""TS-PENDING: calls that any thread may leave for those that run Python."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
MAIN, OTHER = "main", "other"
AGAIN, FAILS, LAST, MAIN_ONLY = "adds-another", "fails", "last", "main-only"


class PendingCalls(Mechanism):
    """A ring of calls under a mutex, and a bit in the eval breaker of all who may run them.

    Whoever comes by its bit claims to be the one that handles calls; who finds the claim taken passes
    its bit on to the handler. The handler clears the bits of all, takes one call at a time under the
    mutex, and runs it without. A failing call ends the loop, and the bits are set again. Calls for
    the main thread have a ring of their own. Since a handler on another thread clears the main
    thread's bit and takes it over by passing on, it gives the bit back once it has let go of the
    claim: CPython 3.13 does not, and such a call then waits until something else sets the bit.

    Simplified: rings are never full; signals and clearing the claim when the interpreter ends are
    left out; all threads evaluate code for ever.
    """

    name = "ts-pending"
    title = "Pending calls"
    status = Status.CURRENT
    sources = ("Python/ceval_gil.c (_PyEval_AddPendingCall, make_pending_calls)",)
    sizes = {"failing": 1, "others": 1}
    stuck = ("L2", "adding a call comes to its end")
    defects = {
        "main-call-anywhere": "A call for the main thread is run by whoever handles calls.",
        "claim-kept-on-error": "The claim is not given back when a call fails.",
        "clears-after-running": "The bits are cleared after the calls were run.",
        "runs-under-mutex": "A call is run with the mutex, which it needs to add another.",
        "removes-after-call": "A call leaves the ring after it ran, which one that fails never does.",
        "unlocked-push": "A call is pushed without the mutex, by reading the index and storing it.",
        "main-bit-not-returned": "A handler that is not the main thread keeps the main thread's bit.",
        "no-claim": "Every thread runs calls, whether another one does or not.",
    }

    def setup(self) -> None:
        """Empty rings. `next` is where the next call is put."""
        self.ring: dict[int, str] = {}
        self.next = 0
        self.main_ring = 0  # calls for the main thread, all alike
        self.mutex = NOBODY
        self.handling = NOBODY  # handling_thread
        self.bits: set[str] = set()  # threads with the bit "calls to do"
        self.accepted: set[str] = set()
        self.ran: set[str] = set()
        self.calling: dict[str, str] = {}  # threads that have taken a call, until it has returned
        others = range(2, self.numbers["others"] + 1)
        self.evaluators = (MAIN, OTHER, *(f"{OTHER}{number}" for number in others))

    def threads(self) -> dict[str, Steps]:
        """Those that add calls."""
        return {"adder1": self.adder1(), "adder2": self.adder2()}

    def services(self) -> dict[str, Steps]:
        """Those that evaluate code."""
        return {each: self.evaluates(each) for each in self.evaluators}

    def adder1(self) -> Steps:
        """A call that adds another one when it runs."""
        yield from self.add("adder1", AGAIN)

    def adder2(self) -> Steps:
        """A call for the main thread, then one that fails, if wanted."""
        yield "_PyEval_AddPendingCall: main thread's ring"
        self.main_ring += 1
        self.accepted.add(MAIN_ONLY)
        yield "_Py_set_eval_breaker_bit: main"
        self.bits.add(MAIN)
        if self.numbers["failing"]:
            yield from self.add("adder2", FAILS)

    def add(self, me: str, call: str) -> Steps:
        """_PyEval_AddPendingCall."""
        if self.has("unlocked-push"):
            yield "_push_pending_call: load next"
            at = self.next
            yield "_push_pending_call: store"
        else:
            yield Step("PyMutex_Lock", until=lambda: self.mutex == NOBODY)
            self.mutex = me
            yield "_push_pending_call, PyMutex_Unlock"
            self.mutex = NOBODY
            at = self.next
        self.ring[at] = call
        self.next = at + 1
        self.accepted.add(call)
        yield "_Py_set_eval_breaker_bit_all"
        self.bits.update(self.evaluators)

    def evaluates(self, me: str) -> Steps:
        """A thread that runs Python code."""
        while True:
            yield Step("_Py_HandlePending", until=lambda: me in self.bits)
            yield from self.make_pending_calls(me)

    def make_pending_calls(self, me: str) -> Steps:
        """make_pending_calls."""
        yield Step("claim: with the mutex", until=lambda: self.mutex == NOBODY)
        if self.handling != NOBODY and not self.has("no-claim"):
            self.bits.add(self.handling)
            self.bits.discard(me)
            return
        self.handling = me
        early = not self.has("clears-after-running")
        if early:
            yield "_Py_unset_eval_breaker_bit_all"
            self.bits.clear()
        failed = yield from self.run_calls(me)
        if me == MAIN and not failed:
            yield from self.run_main_calls(me)
        if not early:
            yield "_Py_unset_eval_breaker_bit_all"
            self.bits.clear()
        if not (failed and self.has("claim-kept-on-error")):
            yield Step("clear_pending_handling_thread", until=lambda: self.mutex == NOBODY)
            self.handling = NOBODY
        if failed:
            yield "_Py_set_eval_breaker_bit_all"
            self.bits.update(self.evaluators)
        elif me != MAIN and not self.has("main-bit-not-returned"):
            yield "give the main thread's bit back"
            if self.main_ring:
                self.bits.add(MAIN)

    def run_calls(self, me: str) -> Steps[bool]:
        """_make_pending_calls for the interpreter; whether one failed."""
        if self.has("main-call-anywhere"):
            yield from self.run_main_calls(me)
        while True:
            yield Step("PyMutex_Lock", until=lambda: self.mutex == NOBODY)
            if not self.ring:
                return False
            call = self.ring[min(self.ring)]
            if not self.has("removes-after-call"):
                self.ring.pop(min(self.ring))
            if self.has("runs-under-mutex"):
                self.mutex = me
            self.calling[me] = call
            yield "call begins"
            self.require(call not in self.ran, "I1", "a call runs once")
            self.ran.add(call)
            if call == AGAIN:
                yield from self.add(me, LAST)
            yield "call returns"
            del self.calling[me]
            if self.mutex == me:
                self.mutex = NOBODY
            if call == FAILS:
                return True
            if self.has("removes-after-call"):
                self.ring.pop(min(self.ring))

    def run_main_calls(self, me: str) -> Steps:
        """_make_pending_calls for the main thread."""
        yield "main thread's ring: pop, with its mutex"
        if self.main_ring:
            self.main_ring -= 1
            self.require(me == MAIN, "I2", "calls for the main thread run there only")
            self.calling[me] = MAIN_ONLY
            yield "main thread's call"
            self.ran.add(MAIN_ONLY)
            del self.calling[me]

    @safety("I3", "one thread runs calls at a time")
    def one_handler(self) -> bool:
        return len(self.calling) <= 1

    @liveness("L1", "every call that was accepted has run")
    def all_ran(self) -> bool:
        return self.ran == self.accepted
