"""RC-PLAIN: counting by atomic operations, and what goes wrong without them."""

from stressor.mechanisms.base import Status, Step, Steps, liveness, safety
from stressor.mechanisms.buffers import Buffered, Order

FINDER = "finder"


class PlainCounting(Buffered):
    """One count for all threads, changed by atomic operations, as every C++ shared pointer does.

    An increment needs no order. A decrement releases: what the thread stored in the object before is
    visible when another thread, that brings the count to zero, runs the destructor. Who comes by the
    object without having a reference may only count it up from what is not zero. With plain loads
    and stores, as a build with a GIL has them, counts get lost, and a store may be late to be seen.

    Simplified: one object; memory is weak in its stores only (partial store order); each worker holds
    one reference at the start, takes another, fills a field of its own, and gives both back.
    """

    name = "rc-plain"
    title = "Atomic reference counting, and plain"
    status = Status.MODEL
    sources = (
        "N. Coghlan on unsynchronised INCREF (2017)",
        "Include/object.h (the branch with a GIL)",
    )
    sizes = {"workers": 2}
    order = Order.PSO
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "load-then-store": "The count is changed by a load and a store, with room between.",
        "delayed-increment": "The increment is one instruction, but its store is buffered.",
        "reloads-for-zero": "A decrement loads the count once more to see whether it is zero.",
        "increments-from-zero": "The finder counts up an object that is dying.",
        "no-release": "A decrement does not wait for the thread's earlier stores.",
    }

    def setup(self) -> None:
        """An object with one reference per worker, and a field for each to fill."""
        workers = [f"worker{number}" for number in range(1, self.numbers["workers"] + 1)]
        fields = {each: f"field of {each}" for each in workers}
        stores = {each: ("rc", fields[each]) for each in workers} | {FINDER: ("rc",)}
        self.share({"rc": len(workers)} | dict.fromkeys(fields.values(), 0), stores)
        self.handles = dict.fromkeys(workers, 1) | {FINDER: 0}
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """The workers, and one that finds the object without having a reference."""
        workers = [name for name in self.handles if name != FINDER]
        return {name: self.worker(name) for name in workers} | {FINDER: self.finder()}

    def worker(self, me: str) -> Steps:
        """Takes a second reference, fills its field, gives both back."""
        yield from self.increment(me)
        yield "fill the field"
        self.store(me, f"field of {me}", 1)
        yield from self.decrement(me)
        yield from self.decrement(me)

    def finder(self) -> Steps:
        """Takes a reference if the object lives, and gives it back."""
        yield "lock cmpxchg unless zero"
        if self.memory["rc"] == 0 and not self.has("increments-from-zero"):
            return
        self.memory["rc"] += 1
        self.handles[FINDER] += 1
        yield from self.decrement(FINDER)

    def increment(self, me: str) -> Steps:
        """INCREF by a thread that has a reference."""
        if self.has("load-then-store"):
            yield "load rc"
            seen = self.load(me, "rc")
            yield "store rc + 1"
            self.store(me, "rc", seen + 1)
        elif self.has("delayed-increment"):
            yield "inc rc"
            self.store(me, "rc", self.load(me, "rc") + 1)
        else:
            yield Step("lock inc rc", until=lambda: self.drained(me, "rc"))
            self.memory["rc"] += 1
        self.handles[me] += 1

    def decrement(self, me: str) -> Steps:
        """DECREF; whoever comes to zero destroys."""
        if self.has("load-then-store"):
            yield "load rc"
            seen = self.load(me, "rc") - 1
            yield "store rc - 1"
            self.store(me, "rc", seen)
            self.handles[me] -= 1
        else:
            waits = ("rc",) if self.has("no-release") else ()
            yield Step("lock dec rc", until=lambda: self.drained(me, *waits))
            self.memory["rc"] = seen = self.memory["rc"] - 1
            self.handles[me] -= 1
        if self.has("reloads-for-zero"):
            yield "load rc"
            seen = self.load(me, "rc")
        if seen == 0:
            yield from self.destroy(me)

    def destroy(self, me: str) -> Steps:
        """The destructor reads what the workers left behind, and frees."""
        yield "destructor"
        fields = [name for name in self.memory if name != "rc"]
        filled = all(self.load(me, name) for name in fields)
        self.require(filled, "I4", "the destructor sees all that was stored before a decrement")
        self.require(not self.freed, "I2", "an object is freed once")
        self.freed = True

    @safety("I1", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return not self.freed or not any(self.handles.values())

    @liveness("I3", "at rest the count is the number of references")
    def count_is_right(self) -> bool:
        return self.memory["rc"] == sum(self.handles.values())

    @liveness("L1", "an object without references is freed")
    def is_freed(self) -> bool:
        return self.freed
