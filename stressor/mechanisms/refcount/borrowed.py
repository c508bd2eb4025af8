"""RC-BORROW: the window between reading a pointer and counting it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

EMPTY, NOBODY = "", ""
ITEM, VALUE, REFERENT = "item", "value", "referent"  # the addresses of three objects


class BorrowedReferences(Mechanism):
    """Calls that read a pointer from a container and give it to a caller who did not count it.

    A GIL made the call and the caller's Py_INCREF one step. Without it another thread may empty the
    place in between, bring the count to zero and have the memory given to a new object, which the
    caller then takes for the old one. The remedy is to read and to count under the container's lock:
    PyList_GetItemRef, PyWeakref_GetRef, and a lock around the whole loop for PyDict_Next, which can
    only lend. A weak reference needs more: its object may be dying, and is not counted then.

    Simplified: one place per container; counts are changed in one step (RC-BRC shows how), and what
    happens under a lock is one step where nobody could look in between. The lock-free ways of list
    and dict are CC-LIST and CC-DICT.
    """

    name = "rc-borrow"
    title = "Borrowed references and their replacements"
    status = Status.CURRENT
    sources = (
        "L. Hastings on borrowed references (2016)",
        "Objects/listobject.c",
        "Objects/dictobject.c",
        "Objects/weakrefobject.c",
    )
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "list-get-item": "PyList_GetItem: the item is counted after the list's lock was given back.",
        "dict-get-item": "PyDict_GetItem: the value is overwritten before it is counted.",
        "dict-next-unlocked": "PyDict_Next without a lock around the loop: the value is overwritten.",
        "weakref-get-object": "PyWeakref_GetObject: the last strong reference goes before the count.",
        "count-above-zero": "PyList_GetItem, and a look at the count whether the item lives.",
        "weakref-counts-dying": "The weak reference counts its object without asking if it is dying.",
    }

    def setup(self) -> None:
        """Three objects, each with the reference of one place; `lives` numbers who has an address."""
        self.slots = {"list": ITEM, "dict": VALUE, "weakref": REFERENT}
        self.dict_lock = NOBODY
        self.lives = {ITEM: 1, VALUE: 1, REFERENT: 1}  # 0: freed; 2: a new object, same address
        self.counts = {ITEM: 1, VALUE: 1, REFERENT: 1}
        self.handles = {ITEM: 1, VALUE: 1, REFERENT: 1}  # what is really there, first object only

    def threads(self) -> dict[str, Steps]:
        """A reader for each container, and one thread that empties them all."""
        return {
            "list reader": self.list_reader(),
            "dict reader": self.dict_reader(),
            "weakref reader": self.weakref_reader(),
            "writer": self.writer(),
        }

    def list_reader(self) -> Steps:
        """Takes the item of the list, uses it, gives it back."""
        if self.has("list-get-item") or self.has("count-above-zero"):
            yield "PyList_GetItem: load under the list's lock"
            item = self.slots["list"]
            if item != EMPTY and self.has("count-above-zero"):
                yield "Py_REFCNT > 0"
                self.look_at(item)
            if item != EMPTY:
                yield "Py_INCREF"
                self.take(item)
        else:
            yield "PyList_GetItemRef: load and Py_NewRef under the list's lock"
            item = self.slots["list"]
            if item != EMPTY:
                self.take(item)
        if item != EMPTY:
            yield from self.use_and_drop(item)

    def dict_reader(self) -> Steps:
        """Takes the value of a key; then goes through the dict and uses what it is lent."""
        if self.has("dict-get-item"):
            yield "PyDict_GetItem: load under the dict's lock"
            value = self.slots["dict"]
            if value != EMPTY:
                yield "Py_INCREF"
                self.take(value)
        else:
            yield "PyDict_GetItemRef: load and Py_NewRef under the dict's lock"
            value = self.slots["dict"]
            if value != EMPTY:
                self.take(value)
        if value != EMPTY:
            yield from self.use_and_drop(value)
        yield from self.go_through_dict()

    def go_through_dict(self) -> Steps:
        """PyDict_Next, with the lock that its documentation asks for."""
        locks = not self.has("dict-next-unlocked")
        if locks:
            yield Step("Py_BEGIN_CRITICAL_SECTION", until=lambda: self.dict_lock == NOBODY)
            self.dict_lock = "dict reader"
        yield "PyDict_Next: load value"
        value = self.slots["dict"]
        if value != EMPTY:
            yield "use the lent value"
            self.look_at(value)
        if locks:
            yield "Py_END_CRITICAL_SECTION"
            self.dict_lock = NOBODY

    def weakref_reader(self) -> Steps:
        """Asks the weak reference for its object."""
        dying = self.has("weakref-counts-dying")
        if self.has("weakref-get-object"):
            yield "PyWeakref_GetObject: load wr_object"
            referent = self.slots["weakref"]
            if referent != EMPTY:
                yield "Py_INCREF"
                self.take(referent)
        else:
            yield "PyWeakref_GetRef: load and _Py_TryIncref under the weakref's lock"
            referent = self.slots["weakref"]
            if referent != EMPTY and self.counts[referent] == 0 and not dying:
                referent = EMPTY
            if referent != EMPTY:
                self.take(referent)
        if referent != EMPTY:
            yield from self.use_and_drop(referent)

    def writer(self) -> Steps:
        """Clears the list, overwrites the value, drops the last strong reference to the referent."""
        yield "list.clear: store under the list's lock"
        self.slots["list"] = EMPTY
        yield from self.drop(ITEM)
        yield Step("dict[key] = other: lock, store", until=lambda: self.dict_lock == NOBODY)
        self.slots["dict"] = EMPTY  # the other value does not matter here
        yield from self.drop(VALUE)
        yield from self.drop(REFERENT)
        yield "PyObject_Malloc: the item's address, if it is free"
        if not self.lives[ITEM]:
            self.lives[ITEM], self.counts[ITEM] = 2, 1

    def use_and_drop(self, address: str) -> Steps:
        """What a thread does with a reference of its own."""
        yield "use"
        self.look_at(address)
        yield from self.drop(address)

    def look_at(self, address: str) -> None:
        """Read the object at an address that was loaded while the first object was there."""
        self.require(self.lives[address] != 0, "I1", "nobody uses an object that was freed")
        self.require(self.lives[address] == 1, "I2", "the object used is the one that was read")

    def take(self, address: str) -> None:
        """Py_INCREF through a pointer that was read before."""
        self.look_at(address)
        self.counts[address] += 1
        self.handles[address] += 1

    def drop(self, address: str) -> Steps:
        """Py_DECREF. A dying object clears its weak references before its memory goes."""
        yield "Py_DECREF"
        self.handles[address] -= 1
        self.counts[address] -= 1
        if self.counts[address] == 0:
            if address == REFERENT:
                yield "PyObject_ClearWeakRefs: under the weakref's lock"
                self.slots["weakref"] = EMPTY
            yield "free"
            self.lives[address] = 0

    @safety("I3", "nobody has a counted reference to an object that was freed")
    def no_handle_is_left(self) -> bool:
        return all(self.lives[each] == 1 or not self.handles[each] for each in self.handles)

    @liveness("L1", "an object without references is freed")
    def all_are_freed(self) -> bool:
        return all(self.lives[each] != 1 or self.handles[each] for each in self.handles)
