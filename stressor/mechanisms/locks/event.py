"""LK-EVENT: a flag that is set once, and those who wait for it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNSET, SET, PARKED = 0, 1, 2
TIMED = "timed"


class PyEvent(Mechanism):
    """A byte is 0, 1 when the event was notified, or 2 while it was not and there are waiters.

    A waiter changes 0 to 2 by a compare-and-swap and parks, if the byte is still 2. Notifying
    exchanges the byte for 1 and wakes all waiters when the old value was 2. After that exchange the
    notifier uses the event's address only, to look waiters up, and never the event: a waiter that
    sees the 1 may be the last one to need it, and free it. A wait with a time limit says whether the
    event was set when it ended.

    Simplified: comparing and appending to the bucket are one step, and so is taking all waiters from
    it (LK-PARK has these in full); no signals, and no other event at the freed address.
    """

    name = "lk-event"
    title = "PyEvent"
    status = Status.CURRENT
    sources = ("Python/lock.c (PyEvent)", "Include/internal/pycore_lock.h")
    sizes = {"waiters": 2}
    stuck = ("L1", "one notification lets all waiters go on")
    defects = {
        "notify-stores": "Notifying loads the old value and then stores 1, instead of exchanging.",
        "parks-on-old-value": "A waiter parks if the byte is what it was before its own change.",
        "wakes-one": "Notifying wakes the first waiter only.",
        "time-out-is-true": "A wait whose time is over says that the event was set.",
        "notifier-looks-again": "After setting the byte the notifier reads it from the event again.",
        "waiter-stores": "A waiter stores 2 where it should compare with 0 and swap.",
    }

    def setup(self) -> None:
        """Nobody was notified. The waiters own the event; the last that returns frees it."""
        self.byte = UNSET
        self.notified = False
        self.parked: list[str] = []
        self.posted: set[str] = set()
        self.expired = False
        self.users = self.numbers["waiters"] + 1

    def threads(self) -> dict[str, Steps]:
        """Waiters, one of them with a time limit, and the notifier."""
        waiters = [f"W{number}" for number in range(1, self.numbers["waiters"] + 1)]
        return (
            {name: self.wait(name) for name in waiters}
            | {TIMED: self.wait_once(TIMED)}
            | {"notifier": self.notify()}
        )

    def services(self) -> dict[str, Steps]:
        """Time."""
        return {"clock": self.clock()}

    def clock(self) -> Steps:
        """The time limit is over."""
        yield Step("time is over", until=lambda: TIMED in self.parked)
        self.expired = True

    def use(self) -> None:
        """The event's memory is touched."""
        self.require(self.users > 0, "I3", "nobody touches an event that was freed")

    def notify(self) -> Steps:
        """_PyEvent_Notify."""
        if self.has("notify-stores"):
            yield "_PyEvent_Notify: load"
            old = self.byte
            yield "_PyEvent_Notify: store"
        else:
            yield "_PyEvent_Notify: exchange"
            old = self.byte
        self.use()
        self.byte = SET
        self.notified = True
        if self.has("notifier-looks-again"):
            yield "_PyEvent_Notify: load again"
            self.use()
        if old == PARKED:
            yield from self.unpark_all()

    def unpark_all(self) -> Steps:
        """_PyParkingLot_UnparkAll: all of them, each posted outside of the bucket's lock."""
        yield "_PyParkingLot_UnparkAll: take all"
        taken = tuple(self.parked)
        if self.has("wakes-one"):
            taken = taken[:1]
        del self.parked[: len(taken)]
        for each in taken:
            yield "_PySemaphore_Wakeup"
            self.posted.add(each)

    def wait(self, me: str) -> Steps:
        """PyEvent_Wait: as often as it takes."""
        while not (yield from self.wait_timed(me)):
            pass
        self.leave()

    def wait_once(self, me: str) -> Steps:
        """PyEvent_WaitTimed, once."""
        yield from self.wait_timed(me)
        self.leave()

    def wait_timed(self, me: str) -> Steps[bool]:
        """PyEvent_WaitTimed; whether the event is set. Touches it in every step but the sleep."""
        while True:
            yield "PyEvent_WaitTimed: load"
            self.use()
            seen = self.byte
            if seen == SET:
                return self.returns(me, True)
            if seen == PARKED:
                break
            yield "PyEvent_WaitTimed: CAS 0 -> has parked"
            self.use()
            if self.byte == UNSET or self.has("waiter-stores"):
                self.byte = PARKED
                break
        yield "_PyParkingLot_Park: compare, append"
        self.use()
        timed_out = False
        if self.byte == (seen if self.has("parks-on-old-value") else PARKED):
            self.parked.append(me)
            timed_out = yield from self.sleep(me)
        yield "PyEvent_WaitTimed: load again"
        self.use()
        if self.has("time-out-is-true") and timed_out:
            return self.returns(me, True)
        return self.returns(me, self.byte == SET)

    def sleep(self, me: str) -> Steps[bool]:
        """_PySemaphore_Wait; whether the time was over. Who was taken waits for the post."""
        yield Step(
            "_PySemaphore_Wait",
            until=lambda: me in self.posted or (me == TIMED and self.expired),
        )
        if me in self.parked:
            self.parked.remove(me)
            return True
        if me not in self.posted:
            yield Step("_PySemaphore_Wait: is_unparking", until=lambda: me in self.posted)
        self.posted.remove(me)
        return False

    def returns(self, me: str, result: bool) -> bool:
        """What may be told to the caller."""
        self.require(not result or self.notified, "I2", "who is told that it is set was notified")
        early = me == TIMED and not result and not self.expired
        self.require(not early, "L3", "a wait that fails has waited for its time")
        return result

    def leave(self) -> None:
        """The caller needs the event no more."""
        self.users -= 1

    @safety("I1", "an event that was set stays so")
    def set_is_permanent(self) -> bool:
        return not self.notified or self.byte == SET

    @liveness("L2", "at rest nobody is parked and no post is left over")
    def nothing_is_left(self) -> bool:
        return not self.parked and not self.posted
