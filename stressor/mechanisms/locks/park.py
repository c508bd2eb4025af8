"""LK-PARK: the parking lot, where threads sleep on an address."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NOBODY = ""
ADDRESS = {"A1": "a", "A2": "a", "B1": "b"}
TIMED = {"A1"}
WAKER = "waker"


class ParkingLot(Mechanism):
    """Threads sleep until somebody wakes a sleeper of an address, if what is there is as expected.

    Addresses share buckets, each a queue with a mutex. Parking compares under that mutex and appends,
    so that nobody who changes the value and then unparks can be missed. Unparking takes the first
    waiter of the address off, marks it, and posts its semaphore outside of the mutex. A waiter whose
    time is over unlinks itself, unless it is marked: then a post is on its way to its stack frame,
    which has to wait for it. A sleeper is detached, and attaches before it locks anything.

    Simplified: one bucket, whose raw mutex and semaphores are right; two waiters of one address, one
    of another, and one waker; the fork's child goes on as steps of the waker.
    """

    name = "lk-park"
    title = "Parking lot"
    status = Status.CURRENT
    sources = ("Python/parking_lot.c", "WTF::ParkingLot (WebKit)")
    sizes = {"forks": 1, "stops": 1}
    stuck = ("L1", "every waiter that is unparked wakes")
    defects = {
        "compares-unlocked": "The value is compared before the bucket is locked.",
        "ignores-unparking": "A waiter whose time is over leaves although it is being unparked.",
        "leaves-linked": "A waiter whose time is over does not unlink itself.",
        "matches-bucket": "The waiters that are taken are those of the bucket, not of the address.",
        "next-after-post": "Waking all reads the next waiter from one that was already posted.",
        "attaches-with-bucket": "After a time-out the thread attaches with the bucket locked.",
        "no-reset-after-fork": "The child of a fork keeps the bucket as it was.",
    }

    def setup(self) -> None:
        """Nobody sleeps. Both values are as the waiters expect them."""
        self.value = {"a": 0, "b": 0}
        self.bucket = NOBODY  # who has the bucket's mutex
        self.queue: list[str] = []
        self.unparking: set[str] = set()
        self.posted: set[str] = set()
        self.alive: set[str] = set()  # whose wait_entry exists
        self.attached = set(ADDRESS)
        self.stopped = False
        self.expired = False
        self.child_bucket = NOBODY
        self.child_queue: tuple[str, ...] = ()

    def threads(self) -> dict[str, Steps]:
        """The waiters and the waker."""
        return {name: self.waiter(name) for name in ADDRESS} | {WAKER: self.waker()}

    def services(self) -> dict[str, Steps]:
        """Time."""
        return {"clock": self.clock()}

    def clock(self) -> Steps:
        """The time of all who wait for some time only is over."""
        yield Step("time is over", until=lambda: not self.alive.isdisjoint(TIMED))
        self.expired = True

    def lock_bucket(self, me: str, function: str) -> Steps:
        """_PyRawMutex_Lock."""
        yield Step(f"{function}: lock bucket", until=lambda: self.bucket == NOBODY)
        self.bucket = me

    def waiter(self, me: str) -> Steps:
        """_PyParkingLot_Park, by a thread that detaches for it and ends afterwards."""
        same = True
        if self.has("compares-unlocked"):
            yield "_PyParkingLot_Park: compare"
            same = self.value[ADDRESS[me]] == 0
        yield from self.lock_bucket(me, "_PyParkingLot_Park")
        yield "_PyParkingLot_Park: compare, append, unlock bucket"
        self.bucket = NOBODY
        if not self.has("compares-unlocked"):
            same = self.value[ADDRESS[me]] == 0
        if same:
            self.queue.append(me)
            self.alive.add(me)
            yield from self.sleep(me)
        self.attached.discard(me)

    def sleep(self, me: str) -> Steps:
        """_PySemaphore_Wait, and what a time-out makes necessary. The entry dies at the end."""
        yield "PyEval_ReleaseThread"
        self.attached.discard(me)
        yield Step(
            "_PySemaphore_Wait",
            until=lambda: me in self.posted or (self.expired and me in TIMED),
        )
        if me in self.posted:
            yield from self.attach(me)
            self.wake(me)
        elif self.has("attaches-with-bucket"):
            yield from self.lock_bucket(me, "_PyParkingLot_Park")
            yield from self.attach(me)
            yield from self.time_out(me)
        else:
            yield from self.attach(me)
            yield from self.lock_bucket(me, "_PyParkingLot_Park")
            yield from self.time_out(me)
        self.alive.discard(me)

    def attach(self, me: str) -> Steps:
        """PyEval_AcquireThread: waits while the world is stopped."""
        yield Step("PyEval_AcquireThread", until=lambda: not self.stopped)
        self.attached.add(me)

    def time_out(self, me: str) -> Steps:
        """With the bucket locked: unlink, or wait for the post that is on its way."""
        yield "_PyParkingLot_Park: is_unparking, unlink, unlock bucket"
        self.bucket = NOBODY
        if me in self.queue:
            if not self.has("leaves-linked"):
                self.queue.remove(me)
        elif not self.has("ignores-unparking"):
            self.attached.discard(me)
            yield Step("_PySemaphore_Wait: again", until=lambda: me in self.posted)
            yield from self.attach(me)
            self.wake(me)

    def wake(self, me: str) -> None:
        """A waiter was posted."""
        self.posted.remove(me)
        self.unparking.remove(me)
        meant = self.value[ADDRESS[me]] != 0
        self.require(meant, "I5", "waiters of other addresses in the bucket are left alone")

    def waker(self) -> Steps:
        """Forks, wakes all of one address, and one of the other while the world is stopped.

        Without `forks` and `stops` the first and the last are left out.
        """
        if self.numbers["forks"]:
            yield from self.fork()
        yield "store *a"
        self.value["a"] = 1
        yield from self.unpark_all("a")
        if self.numbers["stops"]:
            yield "stop_the_world"
            self.stopped = True
            yield Step("stop_the_world: wait", until=lambda: not self.attached)
        yield "store *b"
        self.value["b"] = 1
        yield from self.unpark("b")
        if self.numbers["stops"]:
            yield "start_the_world"
            self.stopped = False

    def fork(self) -> Steps:
        """The child has one thread and a copy of the bucket; the parent goes on afterwards."""
        yield "fork"
        self.child_bucket = self.bucket
        self.child_queue = tuple(self.queue)
        if not self.has("no-reset-after-fork"):
            yield "child: _PyParkingLot_AfterFork"
            self.child_bucket = NOBODY
            self.child_queue = ()
        yield Step("child: lock bucket", until=lambda: self.child_bucket == NOBODY)
        self.require(not self.child_queue, "I6", "no entry of a thread that a fork left behind")

    def taken(self, address: str) -> tuple[str, ...]:
        """The waiters that match."""
        if self.has("matches-bucket"):
            return tuple(self.queue)
        return tuple(each for each in self.queue if ADDRESS[each] == address)

    def dequeue(self, waiter: str) -> None:
        """With the bucket locked."""
        self.queue.remove(waiter)
        self.unparking.add(waiter)

    def unpark(self, address: str) -> Steps:
        """_PyParkingLot_Unpark, without a callback."""
        yield from self.lock_bucket(WAKER, "_PyParkingLot_Unpark")
        yield "_PyParkingLot_Unpark: take first, unlock bucket"
        taken = self.taken(address)[:1]
        for each in taken:
            self.dequeue(each)
        self.bucket = NOBODY
        for each in taken:
            yield "_PySemaphore_Wakeup"
            self.post(each)

    def unpark_all(self, address: str) -> Steps:
        """_PyParkingLot_UnparkAll: onto a list of its own, then posted one by one."""
        yield from self.lock_bucket(WAKER, "_PyParkingLot_UnparkAll")
        yield "_PyParkingLot_UnparkAll: take all, unlock bucket"
        taken = self.taken(address)
        for each in taken:
            self.dequeue(each)
        self.bucket = NOBODY
        for each in taken:
            yield "_PySemaphore_Wakeup"
            self.post(each)
            if self.has("next-after-post"):
                yield "_PyParkingLot_UnparkAll: load next"
                self.require(each in self.alive, "I3", "an entry is not read after its post")

    def post(self, waiter: str) -> None:
        """The semaphore is in the waiter's stack frame."""
        self.require(waiter in self.alive, "I3", "an entry exists until its post is complete")
        self.posted.add(waiter)

    @safety("I2", "who is in the bucket's queue waits, and is not being unparked")
    def queue_is_sound(self) -> bool:
        return self.alive.issuperset(self.queue) and self.unparking.isdisjoint(self.queue)
