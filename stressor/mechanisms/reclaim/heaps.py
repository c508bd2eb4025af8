"""MM-HEAPS: every thread state has heaps of its own, one for each kind of block."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

OBJECT, GC = "object", "gc"
MAIN, SUB = "main", "sub"  # interpreters; the thread state in each has its name
OWNER, OTHER, COLLECTOR = "owner", "other", "collector"
NOBODY = NOTHING = ""


class Heaps(Mechanism):
    """A thread state allocates from its own heaps without locks; the heap says what a block is.

    For an object with garbage collection the current object heap is set for the time of one
    allocation. A page of a heap has two free lists: the owner's own, which is plain memory, and one
    on which other threads push blocks by compare-and-swap; the owner takes that one over when its
    own is empty. The collector, with the world stopped, finds its objects by walking the GC heaps
    of all thread states that have finished binding, and the abandoned ones. A thread state that is
    cleared abandons all its heaps.

    Simplified: one OS thread with a thread state in each of two interpreters; two of the four heaps,
    each one page of two blocks. The pool of abandoned pages is MM-ABANDON, here just a flag. The
    other thread frees a block that the owner published. The world stops at the owner's safe points.
    """

    name = "mm-heaps"
    title = "Heaps of a thread state"
    status = Status.CURRENT
    sources = ("Python/pystate.c", "Objects/obmalloc.c", "Python/gc_free_threading.c", "PEP 703")
    sizes = {"blocks": 2}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "heap-of-os-thread": "The current object heap belongs to the OS thread, not the thread state.",
        "heap-not-restored": "The current object heap is not set back after the allocation.",
        "walks-unbound-heaps": "The collector walks heaps that are not initialized yet.",
        "frees-on-private-list": "Another thread's free pushes on the owner's own list.",
        "abandons-running-owner": "The heaps are abandoned while their owner still allocates.",
        "forgets-a-heap": "Clearing the thread state abandons the object heap only.",
    }

    def setup(self) -> None:
        """Blocks are named by the heap that they lie in: interpreter, kind, number."""
        blocks = range(1, self.numbers["blocks"] + 1)
        heaps = [f"{interp} {kind}" for interp in (MAIN, SUB) for kind in (OBJECT, GC)]
        self.free = {heap: tuple(f"{heap} {number}" for number in blocks) for heap in heaps}
        self.thread_free: dict[str, tuple[str, ...]] = dict.fromkeys(heaps, ())
        self.current = {MAIN: f"{MAIN} {OBJECT}", SUB: f"{SUB} {OBJECT}"}
        self.bound = {MAIN: 0, SUB: 0}  # 1: heaps are there, 2: initialized is set
        self.abandoned: set[str] = set()
        self.live: dict[str, str] = {}  # block: the interpreter and kind it was asked for
        self.handed = NOTHING  # a block for the other thread to free
        self.allocating = False
        self.stopped = False
        self.ended = False
        self.walked = True  # the last walk saw each live GC block once

    def threads(self) -> dict[str, Steps]:
        """An OS thread that allocates, one that frees, and who collects and clears up."""
        return {OWNER: self.owner(), OTHER: self.other(), COLLECTOR: self.collector()}

    def owner(self) -> Steps:
        """Allocates in two interpreters."""
        yield from self.bind(MAIN)
        yield from self.new(MAIN, GC)
        self.handed = next(iter(self.live), NOTHING)
        yield from self.new(MAIN, OBJECT)
        yield from self.bind(SUB)
        yield from self.new(SUB, GC)
        yield from self.new(MAIN, GC)
        yield "_PyThreadState_Detach"
        self.ended = True

    def bind(self, interp: str) -> Steps:
        """tstate_mimalloc_bind, which the collector does not wait for."""
        yield "tstate_mimalloc_bind: _mi_heap_init_ex"
        self.bound[interp] = 1
        yield "tstate_mimalloc_bind: store initialized"
        self.bound[interp] = 2

    def new(self, interp: str, kind: str) -> Steps:
        """PyObject_Malloc or PyObject_GC_New."""
        yield Step("safe point", until=lambda: not self.stopped)
        self.allocating = True
        state = MAIN if self.has("heap-of-os-thread") else interp
        if kind == GC:
            yield "gc_alloc: set current_object_heap"
            self.current[state] = f"{state} {GC}"
        yield "mi_heap_malloc: load page->free"
        heap = self.current[state]
        self.require(heap not in self.abandoned, "I4", "an abandoned heap is allocated from")
        if not self.free[heap]:
            yield "mi_page_thread_free_collect: swap xthread_free"
            self.free[heap], self.thread_free[heap] = self.thread_free[heap], ()
        seen = self.free[heap]
        yield "mi_heap_malloc: store page->free"
        self.require(heap not in self.abandoned, "I4", "an abandoned heap is allocated from")
        if seen:
            self.free[heap] = seen[1:]
            self.require(seen[0] not in self.live, "I2", "a block was handed out twice")
            self.live[seen[0]] = f"{interp} {kind}"
        if kind == GC and not self.has("heap-not-restored"):
            yield "gc_alloc: restore current_object_heap"
            self.current[state] = f"{state} {OBJECT}"
        self.allocating = False

    def other(self) -> Steps:
        """Frees the block that it was given."""
        yield Step("take the block", until=lambda: self.handed and not self.stopped)
        block = self.handed
        heap = block[:-2]
        if self.has("frees-on-private-list"):
            yield Step("mi_free: load page->free", until=lambda: not self.stopped)
            seen = self.free[heap]
            yield "mi_free: store page->free"
            self.free[heap] = (block, *seen)
        else:
            yield Step("mi_free_block_mt: CAS xthread_free", until=lambda: not self.stopped)
            self.thread_free[heap] = (block, *self.thread_free[heap])
        del self.live[block]

    def collector(self) -> Steps:
        """Collects once; then clears the owner's thread states and collects again."""
        yield from self.walk()
        if not self.has("abandons-running-owner"):
            yield Step("join", until=lambda: self.ended)
        for interp in (MAIN, SUB):
            for kind in (OBJECT,) if self.has("forgets-a-heap") else (OBJECT, GC):
                yield "_mi_heap_collect_abandon"
                self.abandoned.add(f"{interp} {kind}")
            yield "tstate_delete_common: unlink"
            self.bound[interp] = 0
        yield from self.walk()

    def walk(self) -> Steps:
        """gc_visit_heaps: each live GC block, once."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.allocating)
        self.stopped = True
        seen: tuple[str, ...] = ()
        for interp in (MAIN, SUB):
            yield "gc_visit_heaps: load initialized"
            heap = f"{interp} {GC}"
            visited = self.bound[interp] == 2 or self.has("walks-unbound-heaps")
            self.require(
                not visited or self.bound[interp] > 0 or heap in self.abandoned,
                "I3",
                "a heap is walked before it was made",
            )
            if visited or heap in self.abandoned:
                seen += tuple(block for block in self.live if block.startswith(heap))
        yield "_PyEval_StartTheWorld"
        live = [block for block, kind in self.live.items() if kind.endswith(GC)]
        self.walked = sorted(seen) == sorted(live)
        self.stopped = False

    @safety("I1", "a block lies in the heap of its interpreter and kind")
    def kinds_are_right(self) -> bool:
        return all(block.startswith(kind) for block, kind in self.live.items())

    @safety("I3", "the collector sees each live GC block once")
    def walk_is_whole(self) -> bool:
        return self.walked

    @liveness("I2", "at rest each block is free or in use, once")
    def no_block_is_lost(self) -> bool:
        blocks = [*self.live]
        for heap in self.free:
            blocks += self.free[heap] + self.thread_free[heap]
        return len(blocks) == len(set(blocks)) == len(self.free) * self.numbers["blocks"]
