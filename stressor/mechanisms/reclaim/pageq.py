"""MM-PAGEQ: an empty page waits before it becomes something else."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

OFFLINE, FIRST, INCREMENT = 0, 1, 2
NO_GOAL = 0
NOTHING = POOL = ""
OBJECTS, OTHER = "objects", "other data"
OWNER, READER, COLLECTOR, HEIR = "owner", "reader", "collector", "heir"


class PageQueue(Mechanism):
    """A page that has become empty keeps its layout until its goal is reached.

    Readers without a lock may load a pointer to an object, and try to count it up after it was freed:
    that fails on a dead object's count words, but not on other data. So an empty page takes a goal
    and joins the list of the thread that it belongs to. It may be allocated from for the same size
    class at any time, and drops out when that is noticed; if it becomes empty again, it needs a new
    goal. Who wants a fresh page walks its list and frees pages up to the first goal that is not
    reached. A thread that ends takes its pages off its list before it abandons them, with their goals;
    who reclaims one frees it, if the goal is reached, or puts it on its own list.

    Simplified: one page of one block, one lock-free reader; quiescent states are single steps
    (MM-QSBR), and every goal advances the write sequence. The heir's walk is repeated when the goal
    is reached. The last two defects were CPython's (gh-145614, gh-145615); in the 3.13 source a visit
    still clears a waiting page's goal and list node.
    """

    name = "mm-pageq"
    title = "Delayed reuse of pages"
    status = Status.CURRENT
    sources = (
        "Objects/obmalloc.c",
        "Objects/mimalloc/page.c",
        "Objects/mimalloc/segment.c",
        "gh-145614",
        "gh-145615",
    )
    sizes = {"lookups": 1}
    stuck = ("L1", "an empty page is freed once its goal is reached and a fresh page is wanted")
    defects = {
        "frees-when-empty": "A page is free for any use as soon as it is empty.",
        "frees-page-in-use": "The walk frees a page although it was allocated from again.",
        "abandons-listed-page": "A page is abandoned while on the list of the thread that ends.",
        "stops-when-reached": "The walk stops at a goal that is reached, not at one that is not.",
        "old-goal-kept": "A page that is empty for the second time still has its first goal.",
        "goal-lost-in-pool": "A page loses its goal when it is abandoned.",
        "visit-drops-page": "Visiting a heap takes an empty page off its list.",
        "wrong-list": "The collector puts an empty page on its own list, not on the owner's.",
    }

    def setup(self) -> None:
        """The page has one object, which `cell` points to."""
        self.wr_seq = FIRST
        self.seq = {OWNER: FIRST, READER: OFFLINE, HEIR: OFFLINE}
        self.cell = self.block = "first"  # `block` is what is in the page's only block
        self.used = True  # page->used: a block freed by others counts until it is collected
        self.layout = OBJECTS
        self.qsbr_goal = NO_GOAL
        self.holder = OWNER  # whose heap the page is in
        self.page_list: set[str] = set()  # threads that have the page on their list
        self.raw = NOTHING

    def threads(self) -> dict[str, Steps]:
        """Who owns the page first, who reads, who collects, and who needs memory later."""
        return {
            OWNER: self.owner(),
            READER: self.reader(),
            COLLECTOR: self.collector(),
            HEIR: self.heir(),
        }

    def owner(self) -> Steps:
        """Frees the object, puts another in its place, which others free, and ends."""
        yield "store NULL to the pointer"
        self.cell = NOTHING
        yield "mi_free: _mi_page_retire, _PyMem_mi_page_maybe_free"
        self.block = NOTHING
        self.free_collect(OWNER)
        if self.layout == OBJECTS:
            yield "mi_heap_malloc, from the same page; store the pointer"
            self.block = self.cell = "second"
            self.used = True
            yield from self.collect_qsbr(OWNER)
            yield Step("_mi_page_free_collect", until=lambda: not self.block)
            self.free_collect(OWNER)
        yield from self.collect_qsbr(OWNER)
        yield "_mi_page_abandon"
        if not self.has("abandons-listed-page"):
            self.page_list.discard(OWNER)
        if self.has("goal-lost-in-pool"):
            self.qsbr_goal = NO_GOAL
        self.holder = POOL
        self.seq[OWNER] = OFFLINE

    def reader(self) -> Steps:
        """Loads the pointer, and tries to count up what it finds there."""
        for _ in range(self.numbers["lookups"]):
            yield "_Py_qsbr_attach"
            self.seq[READER] = self.wr_seq
            yield "load the pointer"
            self.raw = self.cell
            yield "_Py_TryIncrefFast: load the count words"
            self.raw = NOTHING
            yield "_Py_qsbr_detach"
            self.seq[READER] = OFFLINE

    def collector(self) -> Steps:
        """Has the last reference to the second object, and visits the owner's heap."""
        yield Step(
            "store NULL to the pointer",
            until=lambda: self.cell == "second" or self.layout == OTHER,
        )
        self.cell = NOTHING
        yield "mi_free_block_mt: CAS xthread_free"
        self.block = NOTHING
        yield "gc_visit_heaps: _mi_page_free_collect"
        if self.has("visit-drops-page") and not self.used:
            self.page_list.clear()
        if self.holder == OWNER:
            self.free_collect(COLLECTOR if self.has("wrong-list") else OWNER)

    def free_collect(self, on: str) -> None:
        """_mi_page_free_collect or _mi_page_retire, then _PyMem_mi_page_maybe_free, if it is empty.

        One step: by the owner, or with the world stopped.
        """
        if not self.used:
            return
        self.used = False
        if not self.has("old-goal-kept"):
            self.qsbr_goal = NO_GOAL
        self.page_list.clear()
        if self.has("frees-when-empty") or (self.qsbr_goal and self.reached()):
            self.reuse()
        else:
            self.wr_seq += INCREMENT
            self.qsbr_goal = self.wr_seq
            self.page_list.add(on)

    def collect_qsbr(self, me: str) -> Steps:
        """Report, then _PyMem_mi_heap_collect_qsbr, for a fresh page of another size class."""
        yield "_Py_qsbr_quiescent_state"
        self.seq[me] = self.wr_seq
        yield "_PyMem_mi_heap_collect_qsbr: next page of the list"
        if me not in self.page_list:
            return
        if self.used and not self.has("frees-page-in-use"):
            self.page_list.remove(me)
            if not self.has("old-goal-kept"):
                self.qsbr_goal = NO_GOAL
        elif self.reached() != self.has("stops-when-reached"):
            self.reuse()

    def heir(self) -> Steps:
        """Reclaims the abandoned page, and wants a fresh one until it gets it."""
        yield Step("_Py_qsbr_attach", until=lambda: self.holder == POOL)
        self.seq[HEIR] = self.wr_seq
        yield "mi_segment_reclaim, _PyMem_mi_page_reclaimed"
        self.holder = HEIR
        if self.layout == OTHER:
            return
        if self.reached():
            self.reuse()
            return
        self.page_list.add(HEIR)
        yield Step("a fresh page is wanted again", until=self.reached)
        yield from self.collect_qsbr(HEIR)

    def reached(self) -> bool:
        """_Py_qsbr_poll; without a goal there is nothing to wait for."""
        return self.qsbr_goal <= min(self.wr_seq, *(seq for seq in self.seq.values() if seq))

    def reuse(self) -> None:
        """_mi_page_free, and the memory is something else."""
        self.require(self.block == NOTHING, "I2", "a page with a live block was freed")
        self.qsbr_goal = NO_GOAL
        self.page_list.clear()
        self.layout = OTHER

    @safety("I1", "a reader finds an object's layout where it found a pointer to one")
    def layout_is_kept(self) -> bool:
        return self.raw == NOTHING or self.layout == OBJECTS

    @safety("I3", "a page is on no list but that of the thread that has it in its heap")
    def list_is_of_holder(self) -> bool:
        return self.page_list <= {self.holder}

    @safety("I4", "an empty page waits on a list, or in the pool")
    def empty_page_waits(self) -> bool:
        waits = self.page_list or self.holder == POOL
        return bool(self.used or waits or self.layout == OTHER)

    @liveness("L1", "at rest the empty page has been freed")
    def is_reused(self) -> bool:
        return self.layout == OTHER
