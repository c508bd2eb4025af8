"""LK-RAW: the word-sized mutex whose waiters are a stack in the word itself."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
FREE = (NOBODY, False)
SIGNALLED = "T1"


class RawMutex(Mechanism):
    """One word is a lock bit and a pointer to the first waiter; the waiters are linked on their stacks.

    Who finds the bit set writes the present head into its own record's `next`, makes the record the
    head by a compare-and-swap, and sleeps on the record's semaphore. Who unlocks takes the head off
    and clears the bit by one compare-and-swap, then posts the head's semaphore. The mutex is not
    handed over: the woken thread competes again, and a newcomer may be quicker. A record lives only as
    long as the function that waits, which therefore must not leave before it was really posted: a
    signal alone does not end the wait. Last in, first out: starvation is possible, and accepted.

    Simplified: the semaphores are right; one signal at most interrupts one wait; no weak memory.
    """

    name = "lk-raw"
    title = "Raw mutex of the parking lot's buckets"
    status = Status.CURRENT
    sources = ("Python/lock.c (_PyRawMutex)", "Include/internal/pycore_lock.h")
    sizes = {"threads": 3, "rounds": 1}
    stuck = ("L1", "every waiter that was taken off is woken, and every thread gets the mutex")
    defects = {
        "leaves-on-signal": "A wait that a signal interrupts ends, with the record still linked.",
        "pop-keeps-bit": "Taking the head off does not clear the lock bit.",
        "next-after-push": "The record's next is written after the record was made the head.",
        "posts-without-pop": "Unlocking posts the head but leaves it on the stack.",
        "ignores-failed-swap": "Who saw the bit clear takes the mutex for its own, swapped or not.",
        "drops-other-waiters": "Unlocking stores 0, and loses the waiters behind the head.",
    }

    def setup(self) -> None:
        """A free mutex."""
        self.word = FREE  # the head of the waiters, and the lock bit
        self.next: dict[str, str] = {}
        self.alive: set[str] = set()  # whose waiter record exists
        self.posted: set[str] = set()
        self.signals = 1
        self.interrupted = False
        self.asleep = False  # the thread that the signal goes to
        self.owners: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """Threads that lock and unlock, each so many rounds."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        return {name: self.worker(name) for name in names}

    def services(self) -> dict[str, Steps]:
        """A signal, while its thread waits."""
        return {"signal": self.signal()}

    def signal(self) -> Steps:
        """sem_wait fails with EINTR."""
        yield Step("EINTR", until=lambda: self.asleep)
        self.interrupted = True

    def worker(self, me: str) -> Steps:
        """Lock, unlock, again."""
        for _ in range(self.numbers["rounds"]):
            yield "_PyRawMutex_Lock: CAS 0 -> locked"
            if self.word == FREE:
                self.take(me, NOBODY)
            else:
                yield from self.lock_slow(me)
            yield "_PyRawMutex_Unlock: CAS locked -> 0"
            self.owners.remove(me)
            if self.word == (NOBODY, True):
                self.word = FREE
            else:
                yield from self.unlock_slow()

    def take(self, me: str, head: str) -> None:
        """The lock bit is mine; the waiters stay."""
        self.word = (head, True)
        self.owners.add(me)

    def lock_slow(self, me: str) -> Steps:
        """_PyRawMutex_LockSlow."""
        yield "_PyRawMutex_LockSlow: load"
        self.alive.add(me)
        head, locked = self.word
        while True:
            if not locked:
                yield "_PyRawMutex_LockSlow: CAS in the lock bit"
                swapped = self.word == (head, False)
                if swapped or self.has("ignores-failed-swap"):
                    self.alive.discard(me)
                    self.take(me, head if swapped else self.word[0])
                    return
            else:
                yield "_PyRawMutex_LockSlow: next = head, CAS in the record"
                if self.word == (head, True):
                    yield from self.push(me, head)
            head, locked = self.word

    def push(self, me: str, head: str) -> Steps:
        """The compare-and-swap was right: be the head, and sleep. Ends awake."""
        self.word = (me, True)
        if self.has("next-after-push"):
            yield "_PyRawMutex_LockSlow: next = head"
        self.next[me] = head
        yield from self.wait(me)

    def wait(self, me: str) -> Steps:
        """_PySemaphore_Wait, until it was posted; the last step is the next round's load."""
        self.asleep |= me == SIGNALLED
        yield Step(
            "_PySemaphore_Wait",
            until=lambda: me in self.posted or (self.interrupted and me == SIGNALLED),
        )
        if me not in self.posted:
            self.interrupted = False
            if not self.has("leaves-on-signal"):
                yield Step("_PySemaphore_Wait: again", until=lambda: me in self.posted)
        self.asleep &= me != SIGNALLED
        self.posted.discard(me)

    def unlock_slow(self) -> Steps:
        """_PyRawMutex_UnlockSlow: the bit is set until the compare-and-swap."""
        while True:
            yield "_PyRawMutex_UnlockSlow: load"
            head, _ = self.word
            following = NOBODY
            if head != NOBODY:
                yield "_PyRawMutex_UnlockSlow: load next"
                self.require(head in self.alive, "I2", "a linked record exists")
                following = self.next.get(head, NOBODY)
            yield "_PyRawMutex_UnlockSlow: CAS to next"
            if self.word == (head, True):
                break
        if self.has("drops-other-waiters"):
            following = NOBODY
        kept = head if self.has("posts-without-pop") else following
        self.word = (kept, self.has("pop-keeps-bit") and head != NOBODY)
        if head != NOBODY:
            yield "_PySemaphore_Wakeup"
            self.require(head in self.alive, "I2", "a record exists until its post is complete")
            self.posted.add(head)

    @safety("I1", "at most one thread owns the mutex")
    def one_owner(self) -> bool:
        return len(self.owners) <= 1

    @liveness("I3", "at rest the mutex is free, without waiters, and nothing is posted")
    def all_is_returned(self) -> bool:
        return self.word == FREE and not self.posted and not self.alive
