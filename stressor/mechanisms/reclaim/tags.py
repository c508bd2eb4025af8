"""MM-TAGS: pages of a dead thread go to the heap of the same kind."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

MEM, OBJECT, GC = 0, 1, 2
POOL = "pool"
TAGS = {"mem": MEM, "object": OBJECT, "gc": GC}


class Tags(Mechanism):
    """A heap has a tag that says what its blocks are, and each page has a copy of it.

    A thread that ends abandons its segments, each with pages of several heaps. Another thread takes
    a segment from the pool and gives every page in use to its own heap with that page's tag, so that
    the collector, which walks GC heaps only, meets all objects with garbage collection and nothing
    else. A page that has become empty meanwhile is cleared, and whoever uses it next tags it anew.

    Simplified: three heaps, with tags 0 to 2, one page in each and a huge page of the GC heap. The
    pool is a list, taken from in one step (MM-ABANDON); an empty page is used at once by the heap that
    asked, without waiting (MM-PAGEQ).
    """

    name = "mm-tags"
    title = "Heap and page tags"
    status = Status.CURRENT
    sources = ("Objects/mimalloc/segment.c", "Objects/mimalloc/page.c", "Objects/mimalloc/heap.c")
    sizes = {"claimants": 2}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "reclaims-into-asking-heap": "Pages go to the heap that needed one, whatever their tag.",
        "huge-page-untagged": "The tag is not copied to huge pages.",
        "reclaims-into-first-heap": "A page whose tag is not that of the asking heap goes to heap 0.",
        "stale-tag-on-reuse": "An empty page keeps its tag when another heap starts to use it.",
    }

    def setup(self) -> None:
        """Pages are named by the kind of their blocks; `holder` is a thread's heap, or the pool."""
        self.tag: dict[str, int] = {}
        self.used: dict[str, str] = {}  # what its blocks are: "mem", "object", "gc", or "" for none
        self.holder: dict[str, str] = {}
        self.segments: dict[str, tuple[str, ...]] = {}
        self.pool: list[str] = []
        self.dead = False

    def threads(self) -> dict[str, Steps]:
        """One that dies, those that need memory, one that frees, and the collector."""
        claimants = [f"claimant{number}" for number in range(1, self.numbers["claimants"] + 1)]
        tags = {each: OBJECT if number % 2 else GC for number, each in enumerate(claimants)}
        return {
            "dying": self.dying(),
            **{each: self.claimant(each, tags[each]) for each in claimants},
            "freeing": self.freeing(),
            "collector": self.collector(),
        }

    def dying(self) -> Steps:
        """Makes pages in each heap, then ends."""
        for page, tag in (*TAGS.items(), ("huge gc", GC)):
            yield "mi_page_init: page->tag = heap->tag"
            self.tag[page] = MEM if self.has("huge-page-untagged") and "huge" in page else tag
            self.used[page] = page.removeprefix("huge ")
            self.holder[page] = f"dying {tag}"
        for segment, pages in (("first", tuple(TAGS)), ("second", ("huge gc",))):
            yield "_mi_segment_page_abandon, mi_segment_abandon"
            self.segments[segment] = pages
            self.holder.update(dict.fromkeys(pages, POOL))
            self.pool.append(segment)
        self.dead = True

    def freeing(self) -> Steps:
        """Has the last reference to what is in the object page."""
        yield Step("Py_DECREF: to zero", until=lambda: "object" in self.used)
        self.used["object"] = ""

    def claimant(self, me: str, wanted: int) -> Steps:
        """Needs pages with this tag, and reclaims segments."""
        while True:
            yield Step("mi_abandoned_pop", until=lambda: self.pool or self.dead)
            if not self.pool:
                return
            for page in self.segments[self.pool.pop(0)]:
                yield "mi_heap_by_tag, _mi_page_free_collect: reclaim or clear"
                if self.used[page]:
                    self.holder[page] = f"{me} {self.heap_for(page, wanted)}"
                    continue
                if not self.has("stale-tag-on-reuse"):
                    self.tag[page] = wanted
                self.used[page] = "gc" if wanted == GC else "object"
                self.holder[page] = f"{me} {wanted}"

    def heap_for(self, page: str, wanted: int) -> int:
        """The tag of the claimant's heap that gets the page."""
        tag = self.tag[page]
        if self.has("reclaims-into-asking-heap"):
            return wanted
        return MEM if self.has("reclaims-into-first-heap") and tag != wanted else tag

    def collector(self) -> Steps:
        """Walks the GC heaps of all thread states, when the pool has been emptied."""
        yield Step("gc_visit_heaps", until=lambda: self.dead and POOL not in self.holder.values())
        visited = {page for page, holder in self.holder.items() if holder.endswith(str(GC))}
        objects = {page for page, kind in self.used.items() if kind == "gc"}
        self.require(visited <= objects, "I3", "the collector meets objects with collection only")
        self.require(visited >= objects, "I4", "the collector meets all objects with collection")

    @safety("I1", "a page has the tag of the heap that holds it")
    def tags_agree(self) -> bool:
        return all(
            holder == POOL or holder.endswith(str(self.tag[page]))
            for page, holder in self.holder.items()
        )

    @liveness("L2", "at rest no page is left in the pool")
    def pool_is_empty(self) -> bool:
        return POOL not in self.holder.values()
