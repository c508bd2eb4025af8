"""RC-BUF: counts that one thread changes, from the logs of all others."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

ALIVE, DOOMED, RIPE, DESTROYED = "alive", "doomed", "ripe", "destroyed"
NOBODY = ""
COMMITTER = "committer"


class BufferedCounting(Mechanism):
    """Threads write increments and decrements into logs; one committing thread does the counting.

    The committer asks for everybody's log, which each thread hands over at a safe point and goes on
    with an empty one, and applies them: first what counts up, as the logs have no order among them.
    A zero says little even so, for a thread's log may have been cut before it counted what another
    gave back. An object with a count of zero is doomed; when a further round of all logs has no
    entry for it, nobody had a reference at that round's start, and so nobody ever will: it is ripe.
    A worker has the list of doomed objects, and at a safe point destroys what is ripe and takes off
    what lives again; the list of one that exits goes to another, or to the committer.

    Simplified: one object, which one place refers to; the round of all logs is our way of making the
    design sound. Buffers are handed over when the committer asks, not when they are full.
    """

    name = "rc-buf"
    title = "Buffered reference counting"
    status = Status.MODEL
    sources = ("L. Hastings, Gilectomy: buffered reference counting (2016)",)
    sizes = {"readers": 1}
    stuck = ("L3", "every worker comes to its end")
    defects = {
        "two-committers": "A second thread commits as well.",
        "acts-on-first-zero": "Logs are applied one by one; what is zero in between is destroyed.",
        "not-validated": "A worker destroys what is doomed, without a further round.",
        "exit-drops-log": "A worker that exits does not hand over its last log.",
        "recycled-early": "A worker writes in the buffer that it handed over.",
        "exit-drops-list": "The list of doomed objects of a worker that exits is lost.",
    }

    def setup(self) -> None:
        """One object, just made; the place's reference is logged, and not counted yet."""
        readers = [f"reader{number}" for number in range(1, self.numbers["readers"] + 1)]
        workers = ["clearer", *readers]
        self.slot = 1
        self.count = 0
        self.object = ALIVE
        self.touched = False  # the round had an entry for the object
        self.log: dict[str, tuple[int, ...]] = {"clearer": (1,)} | dict.fromkeys(readers, ())
        self.handed: dict[str, tuple[int, ...]] = dict.fromkeys(workers, ())
        self.asked: set[str] = set()  # have yet to hand over their logs in this round
        self.live = set(workers)
        self.committing: set[str] = set()
        self.list_of = NOBODY  # who has the doomed object on its list
        self.handles = 1

    def threads(self) -> dict[str, Steps]:
        """One worker that clears the place, and others that use what they find there."""
        readers = [name for name in self.log if name != "clearer"]
        return {"clearer": self.clearer()} | {name: self.reader(name) for name in readers}

    def services(self) -> dict[str, Steps]:
        """The committer; or two of them."""
        committers = {COMMITTER: self.commit(COMMITTER)}
        if self.has("two-committers"):
            committers["second committer"] = self.commit("second committer")
        return committers

    def clearer(self) -> Steps:
        """Clears the place."""
        yield from self.safe_point("clearer")
        yield "clear the place, log - 1"
        self.slot = 0
        self.write("clearer", -1)
        yield from self.safe_point("clearer")
        yield from self.leave("clearer")

    def reader(self, me: str) -> Steps:
        """Takes a reference from the place, uses it, gives it back."""
        yield from self.safe_point(me)
        yield "load the place, log + 1"
        if self.slot:
            self.write(me, 1)
            yield from self.safe_point(me)
            yield "log - 1"
            self.write(me, -1)
        yield from self.safe_point(me)
        yield from self.leave(me)

    def write(self, me: str, difference: int) -> None:
        """Append to the thread's log."""
        self.handles += difference
        self.log[me] += (difference,)
        if self.handed[me] and self.has("recycled-early"):
            self.handed[me] = (difference, *self.handed[me][1:])

    def safe_point(self, me: str) -> Steps:
        """Hands over the log if asked, and destroys what is ripe."""
        yield "safe point: hand over the log"
        if me in self.asked:
            self.hand_over(me)
        yield "safe point: the doomed list"
        if self.list_of == me:
            self.destroy_doomed()

    def hand_over(self, me: str) -> None:
        """The log is the committer's, and there is an empty one."""
        self.handed[me] += self.log[me]
        self.log[me] = ()
        self.asked.discard(me)

    def leave(self, me: str) -> Steps:
        """A worker's exit."""
        yield "exit: hand over log and list"
        if not self.has("exit-drops-log"):
            self.hand_over(me)
        self.asked.discard(me)
        self.live.discard(me)
        if self.list_of == me and not self.has("exit-drops-list"):
            self.list_of = min(self.live, default=COMMITTER)

    def commit(self, me: str) -> Steps:
        """Rounds, as long as there is something to commit or to destroy."""
        while True:
            yield Step("begin a round", until=self.something_is_left)
            self.asked = set(self.live)
            self.touched = False
            self.committing.add(me)
            yield Step("wait for all logs", until=lambda: not self.asked)
            if self.has("acts-on-first-zero"):
                for worker in tuple(self.log):
                    yield "apply a log"
                    self.apply(worker, -1)
                    self.apply(worker, 1)
            else:
                for difference in (1, -1):
                    for worker in tuple(self.log):
                        yield "apply the log's +1" if difference > 0 else "apply the log's -1"
                        self.apply(worker, difference)
            yield "end the round"
            self.committing.discard(me)
            self.judge()
            if self.list_of == COMMITTER:
                self.destroy_doomed()

    def something_is_left(self) -> bool:
        """Whether a round would do anything."""
        logs = any(self.log[each] for each in self.live) or any(self.handed.values())
        return logs or self.object == DOOMED or (self.object == RIPE and self.list_of == COMMITTER)

    def apply(self, worker: str, difference: int) -> None:
        """Apply a log's increments, or its decrements."""
        entries = self.handed[worker].count(difference)
        self.handed[worker] = tuple(each for each in self.handed[worker] if each != difference)
        if entries:
            self.touched = True
            self.count += entries * difference
            if self.count == 0 and self.has("acts-on-first-zero"):
                self.destroy()

    def judge(self) -> None:
        """What the round says about the object."""
        if self.object == DOOMED and not self.touched:
            self.object = RIPE
        elif self.object == ALIVE and self.count == 0:
            self.object = DOOMED
            self.list_of = min(self.live, default=COMMITTER)

    def destroy_doomed(self) -> None:
        """Look at the list: what is ripe goes, what lives again is taken off."""
        if self.object == RIPE or (self.object == DOOMED and self.has("not-validated")):
            self.destroy()
        elif self.object == DOOMED and self.count:
            self.object = ALIVE
            self.list_of = NOBODY

    def destroy(self) -> None:
        """The destructor, and free."""
        self.require(self.object != DESTROYED, "I4", "an object is destroyed once")
        self.object = DESTROYED
        self.list_of = NOBODY

    @safety("I1", "there is one committer at a time")
    def one_committer(self) -> bool:
        return len(self.committing) <= 1

    @safety("I2", "what is destroyed has no references, and no log has an entry for it")
    def nothing_is_known_of_it(self) -> bool:
        logs = any(self.log.values()) or any(self.handed.values())
        return self.object != DESTROYED or not (self.handles or logs)

    @liveness("L1", "at rest every log is committed")
    def all_is_committed(self) -> bool:
        return self.count == self.handles and not any(self.log.values())

    @liveness("L2", "an object without references is destroyed")
    def is_destroyed(self) -> bool:
        return self.object == DESTROYED
