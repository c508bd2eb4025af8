"""GC-TRACE: a tracing collector over counts that are behind, as python-safethread had one."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

SHARED, ONE, TWO = "shared", "one", "two"
REFERS = {SHARED: (), ONE: (TWO,), TWO: (ONE,)}
WORKER, SLEEPER, COLLECTOR, FINALIZER = "worker", "sleeper", "collector", "finalizer"
NOBODY = ""


class Tracing(Mechanism):
    """Threads count what they share with others in a table of their own; the collector adds it up.

    It stops all threads, also those that are blocked, flushes their tables into the counts, and takes
    off what the objects refer to among themselves. What has references left is alive with all that
    it refers to. Of the rest, weak references are cleared, the finalizer thread gets a notice for what
    has a core, and everything is deleted; then the threads go on. No code of users runs meanwhile:
    destructors do not exist, and generators are deleted where they stand.

    Simplified: a reconstruction from a status report. `shared` goes from the worker to the sleeper;
    `one` is a generator, `two` has a core, and they refer to each other. One collection comes at any
    time, the next when the threads have ended.
    """

    name = "gc-trace"
    title = "Tracing collector with asynchronous counts"
    status = Status.MODEL
    sources = ("A. Olsen, python-safethread project status, Python-3000 list (2008)",)
    sizes = {"collections": 2}
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "destructor-in-collection": "Deleting runs a destructor, which enters a monitor.",
        "blocked-not-flushed": "The table of a thread that is blocked is not flushed.",
        "core-freed-with-object": "The core is freed with the object that it belongs to.",
        "generator-run-to-end": "A dead generator is resumed, and its clean-up stores it somewhere.",
        "weakrefs-cleared-late": "Weak references are cleared after the threads went on.",
    }

    def setup(self) -> None:
        """The worker has references to `shared` and `one`, which have been counted."""
        self.count = {SHARED: 1, ONE: 2, TWO: 1}
        # To be added to the counts, in the order of REFERS.
        self.tables: dict[str, tuple[int, ...]] = {WORKER: (0, 0, 0), SLEEPER: (0, 0, 0)}
        self.handles = {SHARED: 1, ONE: 1, TWO: 0}
        self.weak = True  # to `two`
        self.core = True
        self.notice = False
        self.finalized = 0
        self.deleted: set[str] = set()
        self.monitor = NOBODY
        self.blocked: set[str] = set()
        self.stopped = False
        self.left = self.numbers["collections"]
        self.running = {WORKER, SLEEPER}

    def threads(self) -> dict[str, Steps]:
        """The sleeper is in a blocking call for most of its time."""
        return {
            WORKER: self.worker(),
            SLEEPER: self.sleeper(),
            COLLECTOR: self.collector(),
            FINALIZER: self.finalizer(),
        }

    def worker(self) -> Steps:
        """Gives `shared` away, drops `one`, and looks for `two`."""
        yield Step(
            "asynchronous DECREF of `shared`",
            until=lambda: self.handles[SHARED] > 1 and not self.stopped,
        )
        self.add(WORKER, SHARED, -1)
        yield self.when_running("enter a monitor")
        self.monitor = WORKER
        yield self.when_running("asynchronous DECREF of `one`")
        self.add(WORKER, ONE, -1)
        yield self.when_running("leave the monitor; load the weak reference")
        self.monitor = NOBODY
        if self.weak:
            self.require(
                TWO not in self.deleted, "I4", "a weak reference leads to no deleted object"
            )
            self.add(WORKER, TWO, 1)
            yield self.when_running("asynchronous DECREF of `two`")
            self.add(WORKER, TWO, -1)
        self.running.remove(WORKER)

    def sleeper(self) -> Steps:
        """Takes `shared` over, blocks with the count still in its table, and drops it."""
        yield self.when_running("asynchronous INCREF of `shared`")
        self.add(SLEEPER, SHARED, 1)
        yield self.when_running("block")
        self.blocked.add(SLEEPER)
        yield Step("wake up", until=lambda: WORKER not in self.running)
        yield self.when_running("unblock")
        self.blocked.remove(SLEEPER)
        yield self.when_running("use `shared`, asynchronous DECREF")
        self.add(SLEEPER, SHARED, -1)
        self.running.remove(SLEEPER)

    def when_running(self, name: str) -> Step:
        """A step of a thread that stops where it is."""
        return Step(name, until=lambda: not self.stopped)

    def add(self, me: str, which: str, number: int) -> None:
        """Note a reference taken or dropped in the thread's table."""
        self.handles[which] += number
        self.tables[me] = tuple(
            each + number * (name == which)
            for name, each in zip(REFERS, self.tables[me], strict=True)
        )

    def collector(self) -> Steps:
        """Collects so many times, the last time when the threads have ended."""
        for _ in range(self.numbers["collections"]):
            yield Step("stop the threads", until=lambda: self.left > 1 or not self.running)
            self.left -= 1
            self.stopped = True
            for thread in (WORKER, SLEEPER):
                yield "flush a table"
                if thread not in self.blocked or not self.has("blocked-not-flushed"):
                    self.flush(thread)
            yield from self.collect(self.dead())

    def flush(self, thread: str) -> None:
        """Add a thread's table to the counts."""
        for each, number in zip(REFERS, self.tables[thread], strict=True):
            self.count[each] += number
        self.tables[thread] = (0, 0, 0)

    def dead(self) -> tuple[str, ...]:
        """What is referenced from dead objects at most."""
        left = {each: number for each, number in self.count.items() if each not in self.deleted}
        for each in tuple(left):
            for other in REFERS[each]:
                left[other] -= 1
        alive = {each for each, number in left.items() if number > 0}
        alive |= {other for each in alive for other in REFERS[each]}
        return tuple(each for each in left if each not in alive)

    def collect(self, dead: tuple[str, ...]) -> Steps:
        """Clear weak references, notify, delete, let the threads go on."""
        late = self.has("weakrefs-cleared-late")
        yield "trace; clear weak references"
        self.weak = self.weak and (late or TWO not in dead)
        if TWO in dead:
            yield "notify the finalizer thread"
            self.notice = True
        for each in dead:
            if each == ONE and self.has("generator-run-to-end"):
                yield "resume the generator: store it in a global"
                self.handles[ONE] += 1
            if each == TWO and self.has("destructor-in-collection"):
                yield Step("destructor: enter a monitor", until=lambda: self.monitor == NOBODY)
            yield "delete"
            self.deleted.add(each)
            if each == TWO and self.has("core-freed-with-object"):
                self.core = False
        yield "let the threads go on"
        self.stopped = False
        if late and TWO in dead:
            yield "clear weak references"
            self.weak = False

    def finalizer(self) -> Steps:
        """Serves the notice."""
        yield Step("wait for a notice", until=lambda: self.notice and not self.stopped)
        self.require(self.core, "I3", "a core lives until it is finalized")
        self.finalized += 1

    @safety("I2", "what somebody has a reference to is not deleted")
    def reachable_is_kept(self) -> bool:
        return not any(self.handles[each] for each in self.deleted)

    @liveness("L1", "all that is unreachable is deleted and finalized")
    def garbage_is_gone(self) -> bool:
        return self.deleted == set(REFERS) and self.finalized == 1
