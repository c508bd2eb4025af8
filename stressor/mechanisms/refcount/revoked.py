"""RC-SYNCASYNC: a count that one thread has to itself, until another one asks for it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

SYNC, ASYNC = "synchronous", "asynchronous"
SHARED, CROWD = "shared", "crowd"  # two objects that want the same slot of every thread's table
OWNER, OTHER, COLLECTOR = "owner", "other", "collector"
NOTHING: tuple[str, int] = ("", 0)


class SyncAsyncCounting(Mechanism):
    """An object starts with an owner, who counts it plainly and frees it at zero.

    Another thread that wants to count it first has the ownership revoked: it asks, and the owner
    gives its count up at the next safe point, when it blocks, or when it exits. From then on nobody
    changes the object's count directly: each thread has a small table of differences, and when two
    objects want the same slot, the older difference is added to its object's count atomically. As no
    thread can tell zero then, only a collector frees: it stops all threads, flushes the tables, of
    blocked threads too, and looks at the sums.

    Simplified: safethread's report gives the idea, the steps are our reconstruction. Two objects, one
    slot per table; only the other thread blocks (for a blocked owner the asker would have to answer).
    """

    name = "rc-syncasync"
    title = "Synchronous and asynchronous counting"
    status = Status.MODEL
    sources = ("A. Olsen, python-safethread status report (2008)",)
    sizes = {"extra": 1}
    stuck = ("L1", "a revocation is answered, also by an owner that exits")
    defects = {
        "counts-after-answer": "The owner looks at the mode once, and counts plainly after its answer.",
        "skips-blocked-table": "The collector does not flush the table of a thread that is blocked.",
        "evicts-unflushed": "A difference that has to make room in the table is thrown away.",
        "exit-without-answer": "An owner that exits does not answer to a revocation.",
        "frees-at-own-zero": "Who brings the count that it can see to zero frees at once.",
        "flush-by-store": "A difference is added to the count by a load and a store.",
        "threads-not-stopped": "The collector flushes and looks while the threads go on.",
    }

    def setup(self) -> None:
        """Both objects are the owner's making; the other has a reference to each."""
        self.mode = {SHARED: SYNC, CROWD: ASYNC}
        self.asked = False
        self.count = {SHARED: 2, CROWD: 1}
        self.table = {OWNER: NOTHING, OTHER: NOTHING}  # one slot each: an object, a difference
        self.handles = {SHARED: 2, CROWD: 1}
        self.stopped = False
        self.counting: set[str] = set()  # threads that are between two safe points
        self.blocked: set[str] = set()
        self.over: set[str] = set()
        self.freed: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """Two threads that count, and a collector that runs at any time and at the end."""
        return {OWNER: self.owner(), OTHER: self.other(), COLLECTOR: self.collector()}

    def owner(self) -> Steps:
        """Takes further references to the shared object, and gives all back."""
        extra = self.numbers["extra"]
        plainly = True
        for number in range(2 * extra + 1):
            yield from self.safe_point(OWNER)
            if self.has("counts-after-answer") and number:
                yield "the mode that was seen"
            else:
                yield "load mode"
                plainly = self.mode[SHARED] == SYNC
            difference = 1 if number < extra else -1
            if plainly:
                yield from self.count_plainly(difference)
            else:
                yield from self.count_difference(OWNER, SHARED, difference)
            self.counting.discard(OWNER)
        yield from self.safe_point(OWNER)
        yield "exit: flush"
        self.flush(OWNER)
        self.counting.discard(OWNER)
        if not self.has("exit-without-answer"):
            yield "exit: answer"
            self.answer()
        self.over.add(OWNER)

    def other(self) -> Steps:
        """Asks for the shared object and counts; the other object gets in the table's way."""
        yield from self.revoke()
        for name, difference in ((SHARED, 1), (CROWD, 1), (SHARED, -1), (CROWD, -1)):
            yield from self.safe_point(OTHER)
            yield from self.count_difference(OTHER, name, difference)
            self.counting.discard(OTHER)
        for name in (SHARED, CROWD):
            yield from self.safe_point(OTHER)
            yield from self.count_difference(OTHER, name, -1)
            self.counting.discard(OTHER)
        yield "block"
        self.blocked.add(OTHER)
        yield Step("wake up", until=lambda: self.over.issuperset((OWNER, COLLECTOR)))
        self.over.add(OTHER)

    def safe_point(self, me: str) -> Steps:
        """A thread stops here for the collector; the owner answers here."""
        yield Step("safe point", until=lambda: not self.stopped)
        if me == OWNER and self.asked:
            self.answer()
        self.counting.add(me)

    def revoke(self) -> Steps:
        """Has the shared object's mode changed."""
        yield "load mode"
        if self.mode[SHARED] == SYNC:
            yield "ask for revocation"
            self.asked = True
            yield Step("wait for the answer", until=lambda: self.mode[SHARED] == ASYNC)

    def answer(self) -> None:
        """The owner gives up: its count is everybody's from here on."""
        self.mode[SHARED] = ASYNC
        self.asked = False

    def count_plainly(self, difference: int) -> Steps:
        """The owner counts; at zero it frees, as nobody else can have a reference."""
        yield "load and store count, plainly"
        self.require(self.mode[SHARED] == SYNC, "I3", "who has given an object up does not own it")
        self.change(SHARED, difference)
        self.handles[SHARED] += difference
        if self.count[SHARED] == 0:
            self.free(SHARED)

    def count_difference(self, me: str, name: str, difference: int) -> Steps:
        """Counts in the thread's own table."""
        yield "load the table's slot"
        there, so_far = self.table[me]
        if there not in ("", name):
            if self.has("flush-by-store"):
                yield "load count"
                seen = self.count[there]
                yield "store count"
                self.count[there] = seen + so_far
            elif not self.has("evicts-unflushed"):
                yield "atomic add to count"
                self.change(there, so_far)
            so_far = 0
            self.table[me] = NOTHING
        yield "store the table's slot"
        self.table[me] = (name, so_far + difference)
        self.handles[name] += difference
        if self.has("frees-at-own-zero") and self.count[name] + so_far + difference == 0:
            self.free(name)

    def change(self, name: str, difference: int) -> None:
        """Change an object's own count."""
        self.require(name not in self.freed, "I2", "the count of a freed object is not changed")
        self.count[name] += difference

    def flush(self, who: str) -> None:
        """Add what is in a thread's table to the counts."""
        name, difference = self.table[who]
        if name:
            self.change(name, difference)
        self.table[who] = NOTHING

    def collector(self) -> Steps:
        """Collects at any time, and when the owner is gone and the other blocks for good."""
        yield from self.collect()
        yield Step("at the end", until=lambda: OWNER in self.over and OTHER in self.blocked)
        yield from self.collect()
        self.over.add(COLLECTOR)

    def collect(self) -> Steps:
        """Stop, flush, look, go on."""
        if not self.has("threads-not-stopped"):
            yield Step("stop the world", until=lambda: not self.counting)
            self.stopped = True
        for who in (OWNER, OTHER):
            yield "flush a table"
            if who not in self.blocked or not self.has("skips-blocked-table"):
                self.flush(who)
        yield "free what has no references"
        for name in (SHARED, CROWD):
            if self.mode[name] == ASYNC and self.count[name] == 0 and name not in self.freed:
                self.free(name)
        yield "start the world"
        self.stopped = False

    def free(self, name: str) -> None:
        """The object's memory goes."""
        self.require(name not in self.freed, "I4", "an object is freed once")
        self.freed.add(name)

    @safety("I2", "an object is not freed while anybody has a reference")
    def no_handle_is_left(self) -> bool:
        return not any(self.handles[name] for name in self.freed)

    @liveness("I1", "count and differences are the number of references")
    def sums_are_right(self) -> bool:
        return all(
            self.handles[name]
            == self.count[name] + sum(n for on, n in self.table.values() if on == name)
            for name in self.handles
        )

    @liveness("L2", "what has no references is freed by the last collection")
    def all_is_freed(self) -> bool:
        return len(self.freed) == 2
