"""MM-ABANDON: the segments of dead threads, in a lock-free stack for each interpreter."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

MAIN, SUB, DEFAULT = "main", "sub", "default"
NONE = ""


class AbandonedPool(Mechanism):
    """Segments that a thread leaves behind are pushed on a stack; threads that need memory pop them.

    The head of the stack has a counter in its low bits, which every change moves on: a pop has read
    the head's next segment, and must fail if meanwhile that head was popped and pushed again. Reading
    the next segment touches a segment that another thread may have popped and freed, so pops are
    counted, and memory goes back to the system when no pop is under way. Each interpreter has a pool
    of its own, for an object must not come into another's heaps, and its collector walks the pool
    together with the heaps. Threads outside Python have a pool of the process.

    Simplified: three segments of one interpreter; one thread pops, one shuffles, one starts up in a
    subinterpreter. No visited list. The collector comes when the others have ended. Threads pop
    what is there and do not wait for more.
    """

    name = "mm-abandon"
    title = "Pool of abandoned segments"
    status = Status.CURRENT
    sources = ("Objects/mimalloc/segment.c", "Objects/mimalloc/init.c", "Python/pystate.c")
    sizes = {"pops": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "one-pool": "There is a single pool for all interpreters.",
        "no-tag": "The head of the stack has no counter.",
        "no-reader-count": "Memory goes back to the system while a pop may still read it.",
        "collector-skips-pool": "The collector walks the heaps of thread states only.",
        "pool-set-late": "A thread allocates before it was pointed to its interpreter's pool.",
    }

    def setup(self) -> None:
        """Segments s1 and s2 are in the pool of the main interpreter; s3 belongs to the shuffler."""
        self.head = {MAIN: ("s1", 0), SUB: (NONE, 0), DEFAULT: (NONE, 0)}  # segment, tag
        self.next = {"s1": "s2", "s2": NONE, "s3": NONE}
        self.owner = {"s1": NONE, "s2": NONE, "s3": "shuffler"}  # NONE: thread_id 0
        self.mapped = {"s1", "s2", "s3"}
        self.readers = 0
        self.running = {"popper", "shuffler", "starter"}
        self.seen: list[str] = []

    def threads(self) -> dict[str, Steps]:
        """The last comes when the others have ended."""
        return {
            "popper": self.popper(),
            "shuffler": self.shuffler(),
            "starter": self.starter(),
            "collector": self.collector(),
        }

    def popper(self) -> Steps:
        """Needs memory."""
        for _ in range(self.numbers["pops"]):
            yield from self.pop("popper", MAIN)
        self.running.remove("popper")

    def shuffler(self) -> Steps:
        """Pops twice, pushes the first again, returns the second to the system, abandons its own."""
        first = yield from self.pop("shuffler", MAIN)
        second = yield from self.pop("shuffler", MAIN)
        if first:
            yield from self.push("shuffler", first)
        if second:
            yield Step("_mi_abandoned_await_readers", until=self.none_reads)
            yield "munmap"
            self.mapped.remove(second)
            self.owner[second] = "nobody"
        yield from self.push("shuffler", "s3")
        self.running.remove("shuffler")

    def starter(self) -> Steps:
        """A thread of the subinterpreter binds, looks for abandoned memory, ends."""
        pool = DEFAULT
        if not self.has("pool-set-late"):
            yield "tstate_mimalloc_bind: tld->segments.abandoned"
            pool = SUB
        yield "mi_segment_alloc, mi_segment_abandon"
        self.next["s4"] = NONE
        self.owner["s4"] = NONE
        self.mapped.add("s4")
        self.head[pool] = ("s4", self.head[pool][1] + 1)
        yield from self.pop("starter", MAIN if self.has("one-pool") else SUB)
        self.running.remove("starter")

    def push(self, me: str, segment: str) -> Steps:
        """mi_segment_abandon."""
        self.require(self.owner[segment] == me, "I1", "a thread abandons what is not its own")
        yield "mi_segment_abandon: segment->thread_id = 0"
        self.owner[segment] = NONE
        while True:
            yield "mi_abandoned_push: load abandoned, store abandoned_next"
            head = self.head[MAIN]
            self.next[segment] = head[0]
            yield "mi_abandoned_push: CAS abandoned"
            if self.head[MAIN] == head:
                break
        self.head[MAIN] = (segment, self.moved_on(head[1]))

    def pop(self, me: str, pool: str) -> Steps[str]:
        """mi_abandoned_pop and mi_segment_reclaim; the segment, if there was one."""
        yield "mi_abandoned_pop: abandoned_readers++"
        self.readers += 1
        while True:
            yield "mi_abandoned_pop: load abandoned"
            head = self.head[pool]
            if head[0] == NONE:
                break
            yield "mi_abandoned_pop: load abandoned_next"
            self.require(head[0] in self.mapped, "I3", "memory that was unmapped is read")
            following = self.next[head[0]]
            yield "mi_abandoned_pop: CAS abandoned"
            if self.head[pool] == head:
                self.head[pool] = (following, self.moved_on(head[1]))
                break
        yield "mi_abandoned_pop: abandoned_readers--; mi_segment_reclaim: thread_id"
        self.readers -= 1
        if head[0]:
            self.require(self.owner[head[0]] == NONE, "I1", "a segment is popped that has an owner")
            foreign = me == "starter" and head[0] != "s4"
            self.require(not foreign, "I2", "a segment comes into another interpreter")
            self.owner[head[0]] = me
        return head[0]

    def collector(self) -> Steps:
        """gc_visit_heaps of both interpreters: what thread states own, and the pools."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.running)
        self.seen = [name for name, owner in self.owner.items() if owner not in (NONE, "nobody")]
        if self.has("collector-skips-pool"):
            return
        for pool in (MAIN, SUB):
            yield "_mi_abandoned_pool_visit_blocks"
            self.seen += self.stack(pool)

    def stack(self, pool: str) -> list[str]:
        """What is in a pool, at most as much as there can be."""
        found: list[str] = []
        segment = self.head[pool][0]
        while segment and len(found) < len(self.next):
            found.append(segment)
            segment = self.next[segment]
        return found

    def moved_on(self, tag: int) -> int:
        """mi_tagged_segment: the counter of a changed head."""
        return 0 if self.has("no-tag") else tag + 1

    def none_reads(self) -> bool:
        """Whether no pop is under way."""
        return self.readers == 0 or self.has("no-reader-count")

    @safety("I1", "no segment in a pool has an owner, once its pop has returned")
    def pool_is_unowned(self) -> bool:
        stacked = [*self.stack(MAIN), *self.stack(SUB), *self.stack(DEFAULT)]
        return all(self.owner[each] == NONE for each in stacked)

    @liveness("I4", "the collector sees every segment once")
    def all_are_seen(self) -> bool:
        return sorted(self.seen) == sorted(self.mapped)
