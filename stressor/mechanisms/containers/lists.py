"""CC-LIST: reading an item of a list without the list's lock."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NULL, DEAD, NOBODY = "", "", ""
UNINITIALISED = "?"


class OptimisticList(Mechanism):
    """A reader loads size, array and slot with no lock, and takes a reference only to what lives.

    The array carries its own capacity, so size and array need not be of the same moment. Once a
    reader has its reference it looks whether slot and array are still the same: the object may have
    died between, and another may live at its address. Whoever is not sure locks. The first foreign
    reader locks as well and marks the list shared: from then on a resize gives the old array to the
    delayed free, until all that were reading have finished.

    Simplified: one foreign reader and the owner as writer; reference counts are single atomic words,
    and an address can be taken by a new object at once. A call of the reader is its critical section
    for the delayed free. The last check is the one of PEP 703; 3.13's list_get_item_ref has it not
    (the defect "no-array-recheck").
    """

    name = "cc-list"
    title = "Optimistic list read"
    status = Status.CURRENT
    sources = ("PEP 703", "Objects/listobject.c")
    sizes = {"readers": 1, "reads": 3}
    stuck = ("L1", "every reader gets an answer")
    defects = {
        "frees-at-once": "A resize frees the old array although the list is marked shared.",
        "reads-unshared": "A foreign reader does without lock before the list is marked shared.",
        "capacity-of-list": "The reader takes the capacity from the list and not from the array.",
        "no-slot-recheck": "The reader does not look at the slot again once it has its reference.",
        "no-array-recheck": "The reader does not look whether the list still has that array.",
        "drops-before-store": "An item that is replaced is dropped before its slot is stored to.",
        "bytewise-move": "Items are moved down by a memmove that can be seen half done.",
        "size-before-slot": "An append publishes the size, and fills the new slot afterwards.",
    }

    def setup(self) -> None:
        """A list of the objects at A and B; `lives` says which object is at an address now."""
        self.arrays: dict[int, tuple[str, ...]] = {1: ("A", "B")}
        self.freed: set[int] = set()
        self.retired: set[int] = set()
        self.ob_item, self.size, self.allocated = 1, 2, 2
        self.shared = False
        self.lock = NOBODY
        self.lives = {"A": "a", "B": "b", "C": "c", "E": "e"}
        self.counts = dict.fromkeys(self.lives, 1)
        self.reading: dict[str, int] = {}  # which index a reader asks for
        self.seen: dict[str, frozenset[str]] = {}  # what was there since it began

    def threads(self) -> dict[str, Steps]:
        """The owner changes the list; the others read its two items."""
        names = [f"reader{number}" for number in range(1, self.numbers["readers"] + 1)]
        return {"owner": self.writer()} | {name: self.reader(name) for name in names}

    def services(self) -> dict[str, Steps]:
        """Delayed free."""
        return {"qsbr": self.process_delayed()}

    def process_delayed(self) -> Steps:
        """Arrays are freed when nobody is within a call that may still have them."""
        while True:
            yield Step("_PyMem_ProcessDelayed", lambda: self.retired and not self.reading)
            self.freed |= self.retired
            self.retired.clear()

    def reader(self, me: str) -> Steps:
        """lst[0], lst[1], lst[0] and so on."""
        for number in range(self.numbers["reads"]):
            item = yield from self.get_item_ref(me, number % 2)
            if item:
                yield from self.decref(item)

    def get_item_ref(self, me: str, index: int) -> Steps[str]:
        """list_get_item_ref; the address of the item, with a reference, or NULL."""
        yield "list_get_item_ref: load the shared bit"
        self.reading[me] = index
        self.seen[me] = self.truth(index)
        if not self.shared and not self.has("reads-unshared"):
            return (yield from self.item_impl(me, index))
        yield "load ob_size"
        if index >= self.size:
            return self.returns(me, NULL)
        yield "load ob_item"
        array = self.ob_item
        yield "list_capacity"
        capacity = self.allocated if self.has("capacity-of-list") else len(self.touch(array))
        if index >= capacity:
            return self.returns(me, NULL)
        yield "_Py_TryXGetRef: load slot"
        item = self.slot(array, index)
        if item == NULL:
            return (yield from self.item_impl(me, index))
        return (yield from self.take(me, array, index, item))

    def take(self, me: str, array: int, index: int, item: str) -> Steps[str]:
        """The second half: a reference to what was in the slot, if all is still as it was."""
        yield "_Py_TryXGetRef: try to increment"
        if self.lives[item] == DEAD:
            return (yield from self.item_impl(me, index))
        self.counts[item] += 1
        if not self.has("no-slot-recheck"):
            yield "_Py_TryXGetRef: load slot again"
            if self.slot(array, index) != item:
                yield from self.decref(item)
                return (yield from self.item_impl(me, index))
        if not self.has("no-array-recheck"):
            yield "load ob_item again"
            if self.ob_item != array:
                yield from self.decref(item)
                return (yield from self.item_impl(me, index))
        return self.returns(me, item)

    def item_impl(self, me: str, index: int) -> Steps[str]:
        """list_item_impl: with the lock; the list counts as shared from now on."""
        yield Step("list_item_impl: with the list's lock", lambda: self.lock == NOBODY)
        self.shared = True
        item = self.slot(self.ob_item, index) if index < self.size else NULL
        if item:
            self.counts[item] += 1
        return self.returns(me, item)

    def returns(self, me: str, item: str) -> str:
        """The end of a call: what it found has to have been there during the call."""
        found = self.lives[item] if item else NULL
        self.require(found in self.seen[me], "I1", "the result was in the list during the call")
        del self.reading[me], self.seen[me]
        return item

    def writer(self) -> Steps:
        """`del lst[0]`, with a smaller array; lst.append(E), with a larger one; lst[0] = C."""
        yield from self.acquire()
        if self.has("bytewise-move"):
            yield "memmove: half done"
            self.put(0, UNINITIALISED)
        yield "list_ass_slice: move items down"
        self.put(0, "B")
        yield from self.resize(1, 1)
        self.lock = NOBODY
        yield from self.decref("A")
        yield from self.acquire()
        yield from self.resize(1, 2)
        if self.has("size-before-slot"):
            yield "store ob_size"
            self.resized(2)
        yield "_PyList_AppendTakeRef: store slot"
        self.put(1, "E")
        yield "store ob_size, unlock list"
        self.resized(2)
        self.lock = NOBODY
        yield from self.acquire()
        if self.has("drops-before-store"):
            yield from self.decref("B")
        yield "list_ass_item: store slot, unlock list"
        self.put(0, "C")
        self.lock = NOBODY
        if not self.has("drops-before-store"):
            yield from self.decref("B")
        yield "PyObject_Malloc: another object at the same address"
        if self.lives["B"] == DEAD:
            self.lives["B"] = "another"
            self.counts["B"] = 1

    def acquire(self) -> Steps:
        """The owner's critical section on the list."""
        yield Step("Py_BEGIN_CRITICAL_SECTION", lambda: self.lock == NOBODY)
        self.lock = "owner"

    def resize(self, size: int, capacity: int) -> Steps:
        """list_resize, with the lock."""
        old = self.ob_item
        filler = UNINITIALISED if self.has("size-before-slot") else NULL
        yield "list_resize: store ob_item"
        items = self.arrays[old]
        self.ob_item = len(self.arrays) + 1
        self.arrays[self.ob_item] = (*items[:capacity], *[filler] * (capacity - len(items)))
        self.noted()
        yield "list_resize: store allocated"
        self.allocated = capacity
        yield "list_resize: store ob_size"
        self.resized(size)
        yield "free_list_items"
        if self.shared and not self.has("frees-at-once"):
            self.retired.add(old)
        else:
            self.freed.add(old)

    def put(self, index: int, item: str) -> None:
        """Store to a slot of the current array; readers may come to see it from now on."""
        items = self.arrays[self.ob_item]
        self.arrays[self.ob_item] = (*items[:index], item, *items[index + 1 :])
        self.noted()

    def resized(self, size: int) -> None:
        """Store the size."""
        self.size = size
        self.noted()

    def noted(self) -> None:
        """What those who are reading may find has grown."""
        for reader, index in self.reading.items():
            self.seen[reader] |= self.truth(index)

    def truth(self, index: int) -> frozenset[str]:
        """What there is to find now: the slot's object, and nothing while the size excludes it."""
        items = self.arrays[self.ob_item]
        there = items[index] if index < len(items) else NULL
        objects = {NULL if there in (NULL, UNINITIALISED) else self.lives[there]}
        return frozenset(objects | ({NULL} if index >= self.size else set()))

    def touch(self, array: int) -> tuple[str, ...]:
        """An array's memory is read."""
        self.require(array not in self.freed, "I3", "an array that is being read is not freed")
        return self.arrays[array]

    def slot(self, array: int, index: int) -> str:
        """One slot is read."""
        items = self.touch(array)
        self.require(index < len(items), "I2", "no slot is read beyond the array's capacity")
        self.require(items[index] != UNINITIALISED, "I1", "what is read is a pointer or NULL")
        return items[index]

    def decref(self, item: str) -> Steps:
        """Give a reference back."""
        yield "Py_DECREF"
        self.counts[item] -= 1
        if self.counts[item] == 0:
            self.lives[item] = DEAD

    @safety("I4", "every item of the list is alive")
    def items_live(self) -> bool:
        held = self.arrays[self.ob_item][: self.size]
        return all(item in (NULL, UNINITIALISED) or self.lives[item] for item in held)
