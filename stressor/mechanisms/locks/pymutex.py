"""LK-PYMUTEX: the one-byte mutex, with the parking lot as it uses it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

LOCKED, PARKED = 1, 2
NOBODY = ""


class PyMutex(Mechanism):
    """A byte says whether the mutex is locked and whether threads are parked on it.

    Taking and releasing a free one is a single compare-and-swap. Who finds it locked sets the parked
    bit and parks: under the lock of the parking lot's bucket the byte is compared again, so that an
    unlock in between is not slept through. Who unlocks with the parked bit set takes the first waiter
    from the bucket and wakes it, and the woken thread competes with newcomers; a waiter that has
    waited for more than a millisecond is instead handed the mutex, which stays locked for it.

    Simplified: no spinning before parking, no time-outs, no detaching; one bucket, whose raw lock and
    semaphores are taken to be right (they are mechanisms of their own). The millisecond passes when
    the scheduler says so.
    """

    name = "lk-pymutex"
    title = "PyMutex, with parking and fair hand-off"
    status = Status.CURRENT
    sources = ("Python/lock.c", "Python/parking_lot.c", "Include/cpython/lock.h")
    sizes = {"threads": 3, "rounds": 1}
    stuck = ("L1", "no wake-up is lost: every thread that locks gets the mutex")
    defects = {
        "unlock-stores-zero": "Unlocking stores 0 instead of comparing, and so drops the parked bit.",
        "park-without-compare": "The byte is not compared again under the bucket's lock.",
        "hand-off-unlocks": "A hand-off wakes the waiter as owner, but clears the locked bit.",
        "forgets-other-waiters": "The parked bit is cleared although more waiters are in the bucket.",
        "reads-hand-off-early": "The waiter reads whether it was handed the mutex before it sleeps.",
        "never-fair": "No waiter is ever handed the mutex, however long it has waited.",
        "wakes-before-store": "The waiter is woken before the hand-off and the byte are stored.",
    }

    def setup(self) -> None:
        """A free mutex. `owners` are the threads that believe they hold it."""
        self.byte = 0
        self.bucket = NOBODY  # who has the bucket's lock
        self.unparking = False  # an unlocker is between taking a waiter and storing the byte
        self.waiters: list[str] = []
        self.posted: set[str] = set()  # semaphores that were posted
        self.handed: set[str] = set()  # waiter records with handed_off set
        self.late: set[str] = set()  # have waited for more than a millisecond
        self.passed_over = NOBODY
        self.owners: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """Threads that lock and unlock, each so many rounds."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        return {name: self.worker(name) for name in names}

    def services(self) -> dict[str, Steps]:
        """Time."""
        return {"clock": self.clock()}

    def worker(self, me: str) -> Steps:
        """Lock, unlock, again."""
        for _ in range(self.numbers["rounds"]):
            yield from self.lock(me)
            yield from self.unlock(me)

    def clock(self) -> Steps:
        """A millisecond passes for all who wait."""
        while True:
            yield Step("1 ms passes", until=lambda: not self.late.issuperset(self.waiters))
            self.late.update(self.waiters)

    def lock(self, me: str) -> Steps:
        """PyMutex_Lock; returns with the mutex."""
        yield "PyMutex_Lock: CAS 0 -> locked"
        if self.byte == 0:
            self.take(me)
            return
        yield "_PyMutex_LockTimed: load"
        seen = self.byte
        while True:
            if not seen & LOCKED:
                yield "_PyMutex_LockTimed: CAS in the locked bit"
                if self.byte == seen:
                    self.take(me)
                    return
                seen = self.byte
                continue
            if not seen & PARKED:
                yield "_PyMutex_LockTimed: CAS in the parked bit"
                if self.byte != seen:
                    seen = self.byte
                    continue
                self.byte = seen = seen | PARKED
            if (yield from self.park(me, seen)):
                self.take(me)
                return
            yield "_PyMutex_LockTimed: load"
            seen = self.byte

    def take(self, me: str) -> None:
        """The mutex is mine."""
        self.byte |= LOCKED
        self.owners.add(me)
        self.late.discard(me)

    def park(self, me: str, expected: int) -> Steps[bool]:
        """_PyParkingLot_Park; whether the mutex was handed over."""
        yield Step("_PyParkingLot_Park: lock bucket", until=lambda: self.bucket == NOBODY)
        self.bucket = me
        yield "_PyParkingLot_Park: compare, append, unlock bucket"
        self.bucket = NOBODY
        if self.byte != expected and not self.has("park-without-compare"):
            return False
        self.waiters.append(me)
        early = me in self.handed
        yield Step("_PySemaphore_Wait", until=lambda: me in self.posted)
        self.posted.remove(me)
        handed = me in self.handed
        self.handed.discard(me)
        return early if self.has("reads-hand-off-early") else handed

    def unlock(self, me: str) -> Steps:
        """PyMutex_Unlock."""
        yield "PyMutex_Unlock: CAS locked -> 0"
        if self.byte == LOCKED or self.has("unlock-stores-zero"):
            self.byte = 0
            self.owners.remove(me)
            return
        yield Step("_PyParkingLot_Unpark: lock bucket", until=lambda: self.bucket == NOBODY)
        self.bucket = me
        yield "_PyParkingLot_Unpark: take first waiter"
        first = self.waiters.pop(0) if self.waiters else NOBODY
        self.unparking = True
        if self.has("wakes-before-store"):
            yield "_PySemaphore_Wakeup"
            self.post(first)
        yield "mutex_unpark: store"
        self.hand_over(me, first)
        yield "_PyParkingLot_Unpark: unlock bucket"
        self.bucket = NOBODY
        if not self.has("wakes-before-store"):
            yield "_PySemaphore_Wakeup"
            self.post(first)

    def hand_over(self, me: str, first: str) -> None:
        """What the byte is after the first waiter was taken, with the bucket locked."""
        self.owners.remove(me)
        self.unparking = False
        fair = first in self.late and not self.has("never-fair")
        self.passed_over = first if first in self.late and not fair else NOBODY
        self.byte = PARKED if self.waiters and not self.has("forgets-other-waiters") else 0
        if fair:
            self.handed.add(first)
            self.byte |= 0 if self.has("hand-off-unlocks") else LOCKED

    def post(self, waiter: str) -> None:
        """Wake a waiter, if there was one."""
        if waiter != NOBODY:
            self.posted.add(waiter)

    @safety("I1", "at most one thread owns the mutex")
    def one_owner(self) -> bool:
        return len(self.owners) <= 1

    @safety("I2", "a byte without the locked bit means that nobody owns it")
    def owner_is_seen(self) -> bool:
        return bool(self.byte & LOCKED) or not self.owners

    @safety("I3", "threads are parked only with the parked bit set, or while one is being taken")
    def waiters_are_seen(self) -> bool:
        return not self.waiters or bool(self.byte & PARKED) or self.unparking

    @safety("L2", "who has waited for a millisecond and is next gets it at the unlock")
    def nobody_is_passed_over(self) -> bool:
        return self.passed_over == NOBODY

    @liveness("I4", "at rest the mutex is free and nobody holds a hand-off")
    def all_is_returned(self) -> bool:
        return self.byte == 0 and not self.handed and not self.posted
