"""LK-STATICINIT: locks that are usable because they are zero, and the allocated ones before them."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY, NO_LOCK, STATIC = "", 0, 1
DEFAULT, EMBEDDER = "default", "embedder's"


class StaticInit(Mechanism):
    """The runtime's locks are bytes in the runtime itself, and a byte of 0 is a mutex that is free.

    Nothing has to be allocated before the first thread locks, and nothing is freed when the runtime
    ends: a lock works before initialization, and a daemon thread may take it after finalization. The
    locks that were here before were allocated, by a raw allocator that the embedder may have
    replaced; so that they could be freed later by a known one, the runtime put the default allocator
    in its place for a moment, for all threads.

    Simplified: one of the runtime's locks, and a mutex that blocks rightly (that is LK-PYMUTEX). The
    fork, after which all of them are made 0 again, is left out.
    """

    name = "lk-staticinit"
    title = "Statically initialised runtime locks"
    status = Status.CURRENT
    sources = ("Python/pystate.c (LOCKS_INIT)", "Include/internal/pycore_lock.h")
    sizes = {"threads": 2}
    stuck = ("L1", "every thread gets the lock")
    defects = {
        "swaps-allocator": "For the lock's sake init installs the default allocator for a moment.",
        "frees-with-default": "The lock is from the current allocator and freed by the default one.",
        "made-at-init": "There is no lock until initialization has allocated it.",
        "made-by-first-user": "Whoever finds no lock allocates one, and stores it without comparing.",
        "freed-at-fini": "Finalization frees the lock, which daemon threads still use.",
    }

    def setup(self) -> None:
        """The runtime is not initialized; the embedder has chosen its allocator."""
        late = self.has("made-at-init") or self.has("made-by-first-user")
        self.lock = NO_LOCK if late else STATIC  # the one that is published
        self.alive = {self.lock} - {NO_LOCK}
        self.owner: dict[int, str] = {}
        self.uses: dict[str, int] = {}  # the lock that a thread has found and still uses
        self.allocator = EMBEDDER
        self.made_by = DEFAULT
        self.guarded = 0  # counted under the lock

    def threads(self) -> dict[str, Steps]:
        """The main thread, and others that were there before it and may be there after it."""
        workers = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        return {"main": self.main()} | {name: self.worker(name) for name in workers}

    def main(self) -> Steps:
        """Initialize, use the lock, finalize."""
        yield from self.initialize()
        yield from self.use("main")
        yield "Py_FinalizeEx"
        if self.has("frees-with-default"):
            same = self.made_by == DEFAULT
            self.require(same, "I2", "a lock is freed by the allocator that made it")
        if self.has("freed-at-fini"):
            self.alive.discard(self.lock)

    def initialize(self) -> Steps:
        """Py_InitializeFromConfig, as far as locks are concerned: there is nothing to do."""
        yield "Py_InitializeFromConfig"
        if self.has("swaps-allocator"):
            self.allocator = DEFAULT
            yield "PyThread_allocate_lock"
            self.made_by = self.allocator
            yield "PyMem_SetAllocator"
            self.allocator = EMBEDDER
        elif self.has("frees-with-default"):
            self.made_by = self.allocator
        elif self.has("made-at-init"):
            yield "PyThread_allocate_lock"
            self.make(STATIC)

    def worker(self, me: str) -> Steps:
        """A thread with some memory of its own, that needs the lock once."""
        yield "PyMem_RawMalloc"
        by = self.allocator
        yield from self.use(me)
        yield "PyMem_RawFree"
        self.require(by == self.allocator, "I2", "a block is freed by the allocator that made it")

    def use(self, me: str) -> Steps:
        """Take the lock, count, release it."""
        yield "PyMutex_Lock: find it"
        found = self.lock
        if found == NO_LOCK and self.has("made-by-first-user"):
            yield "PyThread_allocate_lock"
            found = len(self.alive) + 1
            self.make(found)
        self.uses[me] = found
        yield Step("PyMutex_Lock", until=lambda: self.owner.get(found, NOBODY) == NOBODY)
        self.owner[found] = me
        yield "load what is guarded"
        seen = self.guarded
        yield "store what is guarded"
        self.guarded = seen + 1
        yield "PyMutex_Unlock"
        self.owner.pop(found)
        self.uses.pop(me)

    def make(self, lock: int) -> None:
        """Allocate a lock and publish it."""
        self.alive.add(lock)
        self.lock = lock

    @safety("I1", "a lock that a thread uses exists, before initialization and after finalization")
    def lock_exists(self) -> bool:
        return self.alive.issuperset(self.uses.values())

    @safety("I3", "all threads use the same lock")
    def one_lock(self) -> bool:
        return len(set(self.uses.values())) <= 1

    @liveness("I4", "nothing that was counted under the lock is lost")
    def all_counted(self) -> bool:
        return self.guarded == self.numbers["threads"] + 1
