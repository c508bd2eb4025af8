"""MM-ALLOCLOCK: changing the table of allocators."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = NOTHING = ""
WORDS = ("ctx", "malloc", "free")
FIRST = "default"


class AllocatorTable(Mechanism):
    """Each domain has a context and functions that are called with it; hooks put theirs in the place.

    Setting takes a mutex, and writes word for word. A call takes no lock: it loads the context and
    the function, each by itself. So a setter that runs beside callers can be seen half done, and it
    is for the one who installs a hook to see that nobody allocates meanwhile. A hook remembers the
    table that it replaced and hands on to that what it does not do itself, blocks from before too;
    so it reads the table and replaces it without letting go of the mutex.

    Simplified: one domain with three of its words. Hooks install themselves as the debug hooks do.
    They stop the callers, which CPython leaves to its users: with a hook that is put in beside running
    threads, 3.13 has the defect unstopped-swap, and stale-original with two hooks that get, then set.
    """

    name = "mm-alloclock"
    title = "Lock around changing the allocator table"
    status = Status.CURRENT
    sources = ("Objects/obmalloc.c", "Include/internal/pycore_pymem.h")
    sizes = {"hooks": 2, "callers": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "no-lock": "Two setters write the table at the same time.",
        "unstopped-swap": "The table is changed while other threads allocate.",
        "hook-keeps-all": "A hook frees blocks itself that the allocator before it has made.",
        "stale-original": "A hook gets the table and sets it, but lets go of the mutex in between.",
    }

    def setup(self) -> None:
        """The table has the default allocator; `below` is what each hook hands on to."""
        self.table = dict.fromkeys(WORDS, FIRST)
        self.below: dict[str, str] = {}
        self.mutex = NOBODY
        self.stopping: set[str] = set()  # hooks for which the callers have stopped
        self.busy: set[str] = set()
        self.setting: set[str] = set()
        self.blocks: dict[str, str] = {}  # caller: the allocator that made its block

    def threads(self) -> dict[str, Steps]:
        """Hooks that are installed, and threads that allocate."""
        hooks = {f"hook{n}": self.hook(f"hook{n}") for n in range(1, self.numbers["hooks"] + 1)}
        count = self.numbers["callers"]
        return hooks | {f"caller{n}": self.caller(f"caller{n}") for n in range(1, count + 1)}

    def hook(self, me: str) -> Steps:
        """PyMem_SetupDebugHooks, with the callers stopped."""
        if not self.has("unstopped-swap"):
            yield Step("stop the callers", until=lambda: not self.busy)
            self.stopping.add(me)
        yield from self.lock(me)
        yield "get_allocator_unlocked"
        original = self.table["ctx"]
        if self.has("stale-original"):
            yield "PyMem_GetAllocator: unlock"
            self.mutex = NOBODY
            yield from self.lock(me)
        for word in WORDS:
            yield "set_allocator_unlocked: store a word"
            self.setting.add(me)
            self.table[word] = me
        self.below[me] = original
        yield "PyMem_SetupDebugHooks: unlock"
        self.mutex = NOBODY
        self.setting.remove(me)
        self.stopping.discard(me)

    def lock(self, me: str) -> Steps:
        """PyMutex_Lock of the table's mutex."""
        yield Step("lock", until=lambda: self.mutex == NOBODY)
        self.mutex = NOBODY if self.has("no-lock") else me

    def caller(self, me: str) -> Steps:
        """Allocates a block, and frees it."""
        function = yield from self.load(me, "malloc")
        self.blocks[me] = function
        self.busy.discard(me)
        yield from self.load(me, "free")
        made_by = self.blocks.pop(me)
        self.require(
            made_by in self.known(self.table["free"]),
            "I2",
            "a block is freed by the allocator that made it",
        )
        self.busy.discard(me)

    def load(self, me: str, word: str) -> Steps[str]:
        """PyMem_Malloc or PyMem_Free: the context, the function, the call."""
        yield Step("enter", until=lambda: not self.stopping)
        self.busy.add(me)
        yield f"PyMem: load {word}"
        function = self.table[word]
        yield "PyMem: load ctx"
        context = self.table["ctx"]
        self.require(function == context, "I1", "context and function are of the same allocator")
        return function

    def known(self, allocator: str) -> tuple[str, ...]:
        """The allocators whose blocks come home when this one is asked to free them."""
        found: tuple[str, ...] = (allocator,)
        while allocator in self.below and not self.has("hook-keeps-all"):
            allocator = self.below[allocator]
            if allocator in found:
                break
            found += (allocator,)
        return found

    @safety("I3", "a table that nobody is changing has the words of one allocator")
    def table_is_whole(self) -> bool:
        return bool(self.setting) or len(set(self.table.values())) == 1

    @liveness("I4", "at rest all hooks are reached from the table, down to the first allocator")
    def no_hook_is_lost(self) -> bool:
        found, allocator = 0, self.table["ctx"]
        while allocator in self.below and found <= len(self.below):
            found, allocator = found + 1, self.below[allocator]
        return found == len(self.below) and allocator == FIRST
