"""GC-FT: the collector of the free-threaded build."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

ROOT, LEAF, ONE, TWO = "root", "leaf", "one", "two"
REFERS = {ROOT: (LEAF,), LEAF: (), ONE: (TWO,), TWO: (ONE,)}
POOL = (LEAF, TWO)  # objects in segments of threads that have ended
WORKER, DEAD, MERGED = "worker", "dead", ""  # values of ob_tid
NOBODY = ""
FAILED = ("out of memory",)


class Collector(Mechanism):
    """With the world stopped, objects that only other such objects refer to are found and listed.

    References that wait in merge queues are taken off first. Then `ob_tid` is borrowed: each object
    in the heaps, and in the pool that dead threads left, gets its count there, less the references
    from other objects. Where something remains the object is reachable, and so is what it refers to;
    these get their thread back, or are merged if it is gone. The rest is merged and listed by way of
    `ob_tid`. The world goes on for callbacks and finalizers, and stops again to see what was brought
    back to life. What is still unreachable then is cleared.

    Simplified: `root` is on the worker's stack and refers to `leaf`; `one` and `two` refer to each
    other. A pass over the heaps is one step. `one` has a weak reference with a callback that needs the
    worker's lock, and a finalizer that makes a new weak reference to `two`; `two` has a deferred count
    and a weak reference without a callback. By either the worker may take it once. The second collector
    comes when the worker is done.
    """

    name = "gc-ft"
    title = "Stop-the-world mark and sweep"
    status = Status.CURRENT
    sources = ("Python/gc_free_threading.c", "PEP 703")
    stuck = ("L2", "every thread comes to its end, and `collecting` is reset")
    defects = {
        "thread-left-running": "The worker is not stopped.",
        "queues-not-merged": "References that wait in merge queues are counted.",
        "old-tid-restored": "An object of a thread that has ended gets back that thread's id.",
        "pool-skipped": "Objects that dead threads left are not visited.",
        "no-resurrection-check": "What was brought back to life meanwhile is cleared.",
        "callbacks-while-stopped": "Callbacks are called before the world goes on.",
        "two-collectors": "A collection starts while another is under way.",
        "deferred-counted": "What deferred counting adds to a count keeps an object alive.",
        "finalizes-again": "That an object was finalized is not noted.",
        "flag-kept-on-error": "`collecting` is not reset when memory runs out.",
    }

    def setup(self) -> None:
        """The worker has references to `root` and `one`."""
        self.handles = {ROOT: 1, LEAF: 0, ONE: 1, TWO: 0}
        self.count = {ROOT: 1, LEAF: 1, ONE: 2, TWO: 2}  # with what is queued or deferred
        self.tid = {ROOT: WORKER, LEAF: DEAD, ONE: WORKER, TWO: DEAD}
        self.queued = 0  # references to `one` in the merge queue
        self.deferred = 1  # what deferred counting adds to `two`
        self.weak = {ONE, TWO}  # weak references that are not cleared
        self.callbacks = self.finalized = 0
        self.cleared: set[str] = set()
        self.lock = NOBODY
        self.collecting = False
        self.stopped = NOBODY
        self.no_memory = False
        self.at_work = True

    def threads(self) -> dict[str, Steps]:
        """One that uses the objects, and two that collect."""
        return {
            WORKER: self.worker(),
            "early": self.collect("early"),
            "late": self.late(),
        }

    def services(self) -> dict[str, Steps]:
        """Memory may run out, once."""
        return {"memory": self.shortage()}

    def shortage(self) -> Steps:
        """There is none for the stack that marking needs."""
        yield Step("memory runs out", until=lambda: self.at_work)
        self.no_memory = True

    def worker(self) -> Steps:
        """Drops `one`, takes `two` if its weak reference is alive, and drops it again."""
        yield self.when_running("_Py_DecRefShared: queue `one`")
        self.handles[ONE] -= 1
        self.queued += 1
        yield self.when_running("take a lock")
        self.lock = WORKER
        yield self.when_running("_PyWeakref_GET_REF of `two`")
        if TWO in self.weak:
            self.handles[TWO] += 1
            self.count[TWO] += 1
        yield self.when_running("let go of the lock; Py_INCREF of `root`: load ob_tid")
        self.lock = NOBODY
        self.require(self.tid[ROOT] == WORKER, "I2", "ob_tid is a thread's when others run")
        if self.handles[TWO]:
            yield self.when_running("Py_DECREF of `two`")
            self.handles[TWO] -= 1
            self.count[TWO] -= 1
        self.at_work = self.no_memory = False

    def when_running(self, name: str) -> Step:
        """A step of the worker, which comes to a safe point before it."""
        free = self.has("thread-left-running")
        return Step(name, until=lambda: free or not self.stopped)

    def late(self) -> Steps:
        """Collects what the worker has left."""
        yield Step(
            "gc.collect()",
            until=lambda: not self.at_work and (not self.collecting or self.has("two-collectors")),
        )
        yield from self.collect("late")

    def collect(self, me: str) -> Steps:
        """gc_collect_main."""
        yield "gc_collect_main: CAS collecting"
        if self.collecting and not self.has("two-collectors"):
            return
        self.collecting = True
        found = yield from self.deduce_unreachable(me)
        if found == FAILED and self.has("flag-kept-on-error"):
            return
        if found and found != FAILED:
            yield from self.call_back()
            yield from self.finalize(found)
            kept = yield from self.handle_resurrected(me, found)
            for each in found:
                if each not in kept:
                    yield "delete_garbage: tp_clear"
                    self.require(self.tid[each] == f"list of {me}", "I2", "the worklist is whole")
                    self.cleared.add(each)
        yield "gc_collect_main: store collecting"
        self.collecting = False

    def deduce_unreachable(self, me: str) -> Steps[tuple[str, ...]]:
        """The first stop; what was found to be unreachable."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.stopped)
        self.stopped = me
        if not self.has("queues-not-merged"):
            yield "merge_all_queued_objects"
            self.count[ONE] -= self.queued
            self.queued = 0
        yield "deduce_unreachable_heap: update_refs"
        self.update_refs()
        yield "deduce_unreachable_heap: mark_heap_visitor"
        if self.no_memory:
            yield "restore_refs, _PyEval_StartTheWorld"
            self.no_memory = False
            self.restore_tids()
            self.stopped = NOBODY
            return FAILED
        yield "deduce_unreachable_heap: scan_heap_visitor; clear_weakrefs"
        found = self.scan(me)
        if self.has("callbacks-while-stopped") and found:
            yield from self.call_back()
        yield "_PyEval_StartTheWorld"
        self.stopped = NOBODY
        return found

    def update_refs(self) -> None:
        """Borrow ob_tid for the references from outside."""
        heap = [each for each in REFERS if each not in self.cleared]
        if self.has("pool-skipped"):
            heap = [each for each in heap if each not in POOL]
        refs = self.external({each: self.count[each] for each in heap}, self.deferred)
        self.tid.update({each: f"refs {number}" for each, number in refs.items()})

    def external(self, counts: dict[str, int], deferred: int) -> dict[str, int]:
        """Of these objects, the counts less the references among them."""
        for each in tuple(counts):
            for other in REFERS[each]:
                if other in counts:
                    counts[other] -= 1
        if TWO in counts and not self.has("deferred-counted"):
            counts[TWO] -= deferred
        return counts

    def reached(self, counts: dict[str, int]) -> set[str]:
        """What has references from outside, and all that can be come to from there."""
        found = {each for each, number in counts.items() if number > 0}
        for _ in REFERS:
            found |= {other for each in found for other in REFERS[each] if other in counts}
        return found

    def scan(self, me: str) -> tuple[str, ...]:
        """List what is unreachable, and give the rest its thread back."""
        visited = {each: int(tid[5:]) for each, tid in self.tid.items() if tid.startswith("refs")}
        reachable = self.reached(visited)
        found = tuple(each for each in visited if each not in reachable)
        for each in found:
            self.tid[each] = f"list of {me}"
            self.count[each] += 1
        if TWO in found:
            self.count[TWO] -= self.deferred
            self.deferred = 0
        self.restore_tids()
        self.weak.difference_update(found)
        return found

    def restore_tids(self) -> None:
        """gc_restore_tid: the owner of the segment, or merged when it has none."""
        for each, tid in self.tid.items():
            if tid.startswith("refs"):
                dead = DEAD if self.has("old-tid-restored") else MERGED
                self.tid[each] = dead if each in POOL else WORKER
                self.require(self.tid[each] != DEAD, "I2", "a restored ob_tid is a living thread's")

    def call_back(self) -> Steps:
        """call_weakref_callbacks, of a callback that takes the worker's lock."""
        if ONE in self.weak or self.callbacks:
            return
        yield Step("call_weakref_callbacks", until=lambda: self.lock == NOBODY)
        self.callbacks += 1
        self.require(ONE not in self.cleared, "I5", "callbacks are called before clearing")

    def finalize(self, found: tuple[str, ...]) -> Steps:
        """finalize_garbage."""
        yield "finalize_garbage: load ob_gc_bits, tp_finalize"
        if ONE in found and (not self.finalized or self.has("finalizes-again")):
            self.finalized += 1
            self.weak.add(TWO)

    def handle_resurrected(self, me: str, found: tuple[str, ...]) -> Steps[tuple[str, ...]]:
        """The second stop; what was brought back to life."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.stopped)
        self.stopped = me
        kept: tuple[str, ...] = ()
        if not self.has("no-resurrection-check"):
            yield "handle_resurrected_objects"
            kept = tuple(
                sorted(
                    self.reached(self.external({each: self.count[each] - 1 for each in found}, 0))
                )
            )
        yield "clear_weakrefs, _PyEval_StartTheWorld"
        self.weak -= set(found) - set(kept)
        for each in kept:
            self.tid[each] = MERGED
            self.count[each] -= 1
        self.stopped = NOBODY
        return kept

    @safety("I1", "what can be reached is never cleared")
    def reachable_is_kept(self) -> bool:
        return not self.cleared & self.reached(dict(self.handles))

    @safety("I2", "ob_tid is not borrowed for counting when others run")
    def tids_are_restored(self) -> bool:
        return bool(self.stopped) or not any(tid.startswith("refs") for tid in self.tid.values())

    @safety("I3", "a finalizer is called once at most, and so is a callback")
    def called_once(self) -> bool:
        return self.finalized <= 1 and self.callbacks <= 1

    @liveness("L1", "what is unreachable has been collected")
    def garbage_is_gone(self) -> bool:
        return {ONE, TWO} <= self.cleared
