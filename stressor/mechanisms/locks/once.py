"""LK-ONCE: initialization that is done once, tried again after a failure, and waited for."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNLOCKED, LOCKED, PARKED, INITIALIZED = 0, 1, 2, 4


class OnceFlag(Mechanism):
    """A byte is 0, locked while a thread runs the function, and 4 when it has succeeded.

    The thread that changes 0 to locked runs it. The others set the parked bit and park, and look at
    the byte again when they wake. At the end the byte is exchanged for 4, or for 0 after a failure,
    which only the thread that ran it is told; if the old value has the parked bit, all who are parked
    are woken: after a failure, one of them is the next to try.

    Simplified: comparing and appending to the bucket are one step, and so is taking all waiters from
    it; one function, that fails so many times.
    """

    name = "lk-once"
    title = "One-time initialization"
    status = Status.CURRENT
    sources = ("Python/lock.c (_PyOnceFlag)", "Include/internal/pycore_lock.h")
    sizes = {"threads": 3, "failures": 1}
    stuck = ("L1", "after a failure a waiter tries again, and every caller returns")
    defects = {
        "failure-is-done": "A failure marks the flag as initialized.",
        "stores-result": "The result is stored, and the parked bit looked at in an earlier load.",
        "runs-without-swap": "Who has read 0 stores the locked bit, without comparing.",
        "calls-itself": "The function calls for its own initialization.",
        "keeps-locked-on-failure": "A failure wakes the others but leaves the flag locked.",
    }

    def setup(self) -> None:
        """Nothing is initialized."""
        self.byte = UNLOCKED
        self.failures = self.numbers["failures"]
        self.running: set[str] = set()
        self.done = 0  # runs that succeeded
        self.parked: list[str] = []
        self.posted: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """Callers."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        return {name: self.caller(name) for name in names}

    def caller(self, me: str) -> Steps:
        """Needs what is initialized."""
        yield "_PyOnceFlag_CallOnce: load"
        if self.byte != INITIALIZED:
            yield from self.call_slow(me)
        else:
            self.succeed()

    def call_slow(self, me: str) -> Steps:
        """_PyOnceFlag_CallOnceSlow."""
        yield "_PyOnceFlag_CallOnceSlow: load"
        seen = self.byte
        while seen != INITIALIZED:
            if seen == UNLOCKED:
                yield "_PyOnceFlag_CallOnceSlow: CAS 0 -> locked"
                if self.byte == UNLOCKED or self.has("runs-without-swap"):
                    self.byte = LOCKED
                    yield from self.run(me)
                    return
            elif not seen & PARKED:
                yield "_PyOnceFlag_CallOnceSlow: CAS in the parked bit"
                if self.byte == seen:
                    self.byte |= PARKED
            else:
                yield "_PyParkingLot_Park: compare, append"
                if self.byte == seen:
                    self.parked.append(me)
                    yield Step("_PySemaphore_Wait", until=lambda: me in self.posted)
                    self.posted.remove(me)
                yield "_PyOnceFlag_CallOnceSlow: load"
            seen = self.byte
        self.succeed()

    def run(self, me: str) -> Steps:
        """The function, and its end. A failure is this caller's to know."""
        self.running.add(me)
        yield "the function"
        if self.has("calls-itself"):
            yield from self.call_slow(me)
        fails = self.failures > 0
        self.failures -= fails
        self.done += not fails
        self.running.remove(me)
        yield from self.unlock(fails)
        if not fails:
            self.succeed()

    def unlock(self, failed: bool) -> Steps:
        """unlock_once: the last step of the run that is seen by others."""
        result = UNLOCKED if failed else INITIALIZED
        if failed and self.has("failure-is-done"):
            result = INITIALIZED
        elif failed and self.has("keeps-locked-on-failure"):
            result = LOCKED
        if self.has("stores-result"):
            yield "unlock_once: load"
            old = self.byte
            yield "unlock_once: store"
        else:
            yield "unlock_once: exchange"
            old = self.byte
        self.byte = result
        if old & PARKED:
            yield "_PyParkingLot_UnparkAll: take all"
            taken = tuple(self.parked)
            self.parked.clear()
            for each in taken:
                yield "_PySemaphore_Wakeup"
                self.posted.add(each)

    def succeed(self) -> None:
        """A caller is told that all is initialized."""
        self.require(self.done > 0, "I2", "no caller is told of success before there was one")

    @safety("I1", "at most one run succeeds")
    def one_success(self) -> bool:
        return self.done <= 1

    @safety("I3", "no two runs overlap")
    def one_run(self) -> bool:
        return len(self.running) <= 1

    @liveness("L2", "at rest nobody is parked, and the flag says whether there was a success")
    def all_is_told(self) -> bool:
        return not self.parked and self.byte == (INITIALIZED if self.done else UNLOCKED)
