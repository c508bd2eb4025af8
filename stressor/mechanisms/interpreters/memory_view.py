"""IN-MEMVIEW: a buffer that another interpreter may look at, and nothing else."""

from stressor.mechanisms.base import Status, Step, Steps, liveness, safety
from stressor.mechanisms.buffers import Buffered, Order

OWNER = "owner"
FILLED = 7


class CrossInterpreterView(Buffered):
    """Interpreters share no objects; one may lend a buffer to others, through a mediator.

    The owner fills a buffer, exports it and hands it over. The mediator has a count of the views that
    there are, changed by atomic operations: the only word that several interpreters write. A consumer
    makes a view object of its own, with an ordinary count of its own. When its view dies it counts
    the mediator down, and who comes to 0 asks the owner to release the buffer, by a pending call: the
    owner's objects are the owner's affair. An owner that ends waits until nothing is lent.

    Simplified: one buffer of one word; memory is weak in its stores only (partial store order); the
    owner's pending calls are a flag.
    """

    name = "in-memview"
    title = "Cross-interpreter memoryview"
    status = Status.MODEL
    sources = ("N. Coghlan on a mediating memoryview (2017)", "Modules/_interpretersmodule.c")
    sizes = {"consumers": 2}
    order = Order.PSO
    stuck = ("L1", "the owner gets its buffer back")
    defects = {
        "counts-owners-object": "A consumer counts the owner's object instead of the mediator.",
        "plain-count": "The mediator's count is changed by a load and a store.",
        "releases-abroad": "The consumer that comes to 0 releases the buffer itself.",
        "ends-while-lent": "The owner ends without waiting for what it has lent.",
        "no-release-store": "The buffer is handed over while its contents may still be on their way.",
    }

    def setup(self) -> None:
        """An empty buffer. `ob_refcnt` is the count of the owner's object, not atomic."""
        names = tuple(f"consumer{n}" for n in range(1, self.numbers["consumers"] + 1))
        self.names = names
        stores: dict[str, tuple[str, ...]] = dict.fromkeys(names, ("exports", "ob_refcnt"))
        stores[OWNER] = ("bytes", "handed")
        memory = {"bytes": 0, "handed": 0, "exports": len(names), "ob_refcnt": 1}
        self.share(memory, stores)
        self.released: tuple[str, ...] = ()
        self.pending = False
        self.counted_by: set[str] = set()
        self.ended = False
        self.views = len(names)  # views, made or yet to be made, that have not died

    def threads(self) -> dict[str, Steps]:
        """The owner, and interpreters that look at its buffer."""
        return {OWNER: self.owner()} | {name: self.consumer(name) for name in self.names}

    def owner(self) -> Steps:
        """Fills the buffer, hands it over, releases it when asked, and ends."""
        yield "fill the buffer"
        self.store(OWNER, "bytes", FILLED)
        if self.has("no-release-store"):
            yield "hand over"
            self.store(OWNER, "handed", 1)
        else:
            yield Step("hand over (release)", lambda: self.drained(OWNER, "bytes"))
            self.store(OWNER, "handed", 1)
        if not self.has("ends-while-lent"):
            yield Step("pending call", lambda: self.pending or self.released)
            if self.pending:
                self.release(OWNER)
        yield "Py_EndInterpreter"
        self.ended = True

    def consumer(self, me: str) -> Steps:
        """Makes a view, reads, and lets the view die."""
        yield Step("xibufferview_from_xid", lambda: self.load(me, "handed"))
        if self.has("counts-owners-object"):
            yield "Py_INCREF(owner's object)"
            self.store(me, "ob_refcnt", self.load(me, "ob_refcnt") + 1)
            self.counted_by.add(me)
        yield "read the buffer"
        self.require(
            not self.released and not self.ended, "I2", "the buffer lives while views of it do"
        )
        self.require(self.load(me, "bytes") == FILLED, "I4", "a consumer sees what was filled in")
        yield from self.dealloc(me)

    def dealloc(self, me: str) -> Steps:
        """xibufferview_dealloc."""
        if self.has("plain-count"):
            yield "xibufferview_dealloc: load exports"
            left = self.load(me, "exports") - 1
            yield "xibufferview_dealloc: store exports"
            self.store(me, "exports", left)
        else:
            yield Step("xibufferview_dealloc: atomic decrement", lambda: self.drained(me))
            self.memory["exports"] = left = self.memory["exports"] - 1
        self.views -= 1
        if left == 0:
            if self.has("releases-abroad"):
                yield "PyBuffer_Release"
                self.release(me)
            else:
                yield "_PyBuffer_ReleaseInInterpreter: add pending call"
                self.require(
                    not self.ended, "I2", "the owner is there as long as its buffer is lent"
                )
                self.pending = True

    def release(self, who: str) -> None:
        """PyBuffer_Release."""
        self.pending = False
        self.released += (who,)

    @safety("I1", "no object of an interpreter is counted by another")
    def counts_stay_at_home(self) -> bool:
        return not self.counted_by

    @safety("I3", "the buffer is released once, by its owner, and not while there are views")
    def released_by_owner(self) -> bool:
        return not self.released or (self.released == (OWNER,) and self.views == 0)

    @liveness("L2", "at rest the buffer has been released")
    def is_released(self) -> bool:
        return self.released != ()
