"""CC-DICT: looking a key up in a dict without the dict's lock."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NULL, DEAD, NOBODY = "", "", ""
KEY = "a"


class OptimisticDict(Mechanism):
    """A reader probes the table of keys with no lock and takes a reference only to what lives.

    It loads the keys object, finds an index and an entry, and compares the entry's key, of which it
    holds a reference meanwhile. `__eq__` is Python code that may do anything, and may let the
    delayed free go on: so keys object and key are looked at again before the entry is touched. Then
    it takes the value: load, try to increment, load again; last it looks whether the dict still has
    that keys object. Whoever is not sure takes the lock. A resize gives the old keys object to the
    delayed free.

    Simplified: general keys only (no split tables), the dict is shared already, one foreign reader
    that looks one key up, which no other key collides with. An address can be taken by a new object
    at once. Entries are never used again within one keys object; in 3.13 they are, after popitem
    (the defect "popitem-gives-entry-back").
    """

    name = "cc-dict"
    title = "Optimistic dict read"
    status = Status.CURRENT
    sources = ("PEP 703", "Objects/dictobject.c")
    sizes = {"reads": 1}
    stuck = ("L1", "every reader gets an answer")
    defects = {
        "no-recheck-after-eq": "After __eq__ the reader goes on with the keys object it had.",
        "frees-keys-at-once": "A resize frees the old keys object at once.",
        "no-slot-recheck": "The reader does not look at the value again once it has its reference.",
        "no-keys-recheck": "The reader does not look whether the dict still has that keys object.",
        "drops-before-clear": "A removed value is dropped while its entry still points to it.",
        "popitem-gives-entry-back": "popitem lowers dk_nentries: the next key gets the same entry.",
    }

    def setup(self) -> None:
        """The dict {"a": X}. A keys object has indices and entries of [key, value]."""
        self.indices: dict[tuple[int, str], int] = {(1, KEY): 0}
        self.entries: dict[tuple[int, int], tuple[str, str]] = {(1, 0): (KEY, "X")}
        self.nentries = 1
        self.ma_keys = 1
        self.retired: set[int] = set()
        self.freed: set[int] = set()
        self.lock = NOBODY
        self.lives = {"X": "x", "Y": "y", "V": "value of b"}
        self.counts = dict.fromkeys(self.lives, 1)
        self.calling = False  # the reader is within a call
        self.inside = False  # and has not let the delayed free go on since it had pointers
        self.seen: frozenset[str] = frozenset()

    def threads(self) -> dict[str, Steps]:
        """One changes the dict, the other looks "a" up."""
        return {"writer": self.writer(), "reader": self.reader()}

    def services(self) -> dict[str, Steps]:
        """Delayed free."""
        return {"qsbr": self.process_delayed()}

    def process_delayed(self) -> Steps:
        """Keys objects are freed when the reader cannot have them any more."""
        while True:
            yield Step("_PyMem_ProcessDelayed", lambda: self.retired and not self.inside)
            self.freed |= self.retired
            self.retired.clear()

    def reader(self) -> Steps:
        """PyDict_GetItemRef, again and again."""
        for _ in range(self.numbers["reads"]):
            value = yield from self.lookup()
            if value:
                yield from self.decref(value)

    def lookup(self) -> Steps[str]:
        """_Py_dict_lookup_threadsafe; a value with a reference, or NULL."""
        yield "_Py_dict_lookup_threadsafe: load ma_keys"
        self.calling = self.inside = True
        self.seen = frozenset((self.truth(),))
        keys = self.ma_keys
        yield "dictkeys_get_index"
        self.touch(keys)
        index = self.indices.get((keys, KEY), -1)
        if index < 0:
            return self.returns(NULL)
        yield "compare_generic_threadsafe: try to increment me_key"
        if self.entry(keys, index)[0] != KEY:
            return (yield from self.locked())
        yield "PyObject_RichCompareBool: __eq__ begins"
        self.inside = False
        yield "PyObject_RichCompareBool: __eq__ ends"
        self.inside = True
        if not self.has("no-recheck-after-eq"):
            yield "compare_generic_threadsafe: load ma_keys again"
            if self.ma_keys != keys:
                return (yield from self.locked())
        yield "compare_generic_threadsafe: load me_key again"
        if self.entry(keys, index)[0] != KEY:
            return (yield from self.locked())
        return (yield from self.take_value(keys, index))

    def take_value(self, keys: int, index: int) -> Steps[str]:
        """The second half: the entry is the right one."""
        yield "_Py_TryXGetRef: load me_value"
        value = self.entry(keys, index)[1]
        if value == NULL:
            return (yield from self.locked())
        yield "_Py_TryXGetRef: try to increment"
        if self.lives[value] == DEAD:
            return (yield from self.locked())
        self.counts[value] += 1
        if not self.has("no-slot-recheck"):
            yield "_Py_TryXGetRef: load me_value again"
            if self.entry(keys, index)[1] != value:
                yield from self.decref(value)
                return (yield from self.locked())
        if not self.has("no-keys-recheck"):
            yield "load ma_keys again"
            if self.ma_keys != keys:
                yield from self.decref(value)
                return (yield from self.locked())
        return self.returns(value)

    def locked(self) -> Steps[str]:
        """read_failed: with the dict's lock."""
        yield Step("_Py_dict_lookup, with the dict's lock", lambda: self.lock == NOBODY)
        index = self.indices.get((self.ma_keys, KEY), -1)
        value = self.entries[self.ma_keys, index][1] if index >= 0 else NULL
        if value:
            self.counts[value] += 1
        return self.returns(value)

    def returns(self, value: str) -> str:
        """The end of a call."""
        found = self.lives[value] if value else NULL
        self.require(found in self.seen, "I1", "the result was the key's value during the call")
        self.calling = self.inside = False
        self.seen = frozenset()
        return value

    def writer(self) -> Steps:
        """A resize; d["a"] = Y; d.popitem(); d["b"] = V."""
        yield from self.acquire()
        yield from self.resize()
        self.lock = NOBODY
        yield from self.acquire()
        yield "STORE_VALUE, unlock dict"
        self.put(0, KEY, "Y")
        self.lock = NOBODY
        yield from self.decref("X")
        yield "PyObject_Malloc: another object at the same address"
        self.reuse("X")
        yield from self.popitem()
        yield from self.acquire()
        yield "insert_combined_dict: dictkeys_set_index"
        index = self.nentries
        self.indices[self.ma_keys, "b"] = index
        yield "insert_combined_dict: STORE_KEY"
        self.put(index, "b", NULL)
        yield "insert_combined_dict: STORE_VALUE, unlock dict"
        self.put(index, "b", "V")
        self.lock = NOBODY

    def popitem(self) -> Steps:
        """dict_popitem_impl."""
        yield from self.acquire()
        if self.has("drops-before-clear"):
            yield from self.decref("Y")
            yield "PyObject_Malloc: another object at the same address"
            self.reuse("Y")
        yield "dict_popitem_impl: STORE_KEY"
        self.put(0, NULL, "Y")
        yield "dict_popitem_impl: STORE_VALUE"
        self.put(0, NULL, NULL)
        yield "dict_popitem_impl: dictkeys_set_index, unlock dict"
        self.indices[self.ma_keys, KEY] = -1
        if self.has("popitem-gives-entry-back"):
            self.nentries -= 1
        self.lock = NOBODY
        if not self.has("drops-before-clear"):
            yield from self.decref("Y")

    def acquire(self) -> Steps:
        """The writer's critical section on the dict."""
        yield Step("Py_BEGIN_CRITICAL_SECTION", lambda: self.lock == NOBODY)
        self.lock = "writer"

    def resize(self) -> Steps:
        """dictresize, with the lock."""
        yield "dictresize: set_keys"
        old = self.ma_keys
        self.ma_keys = old + 1
        self.indices[old + 1, KEY] = 0
        self.entries[old + 1, 0] = self.entries[old, 0]
        yield "free_keys_object"
        (self.freed if self.has("frees-keys-at-once") else self.retired).add(old)

    def put(self, index: int, key: str, value: str) -> None:
        """Store to an entry of the current keys object."""
        self.entries[self.ma_keys, index] = (key, value)
        if self.calling:
            self.seen |= {self.truth()}

    def truth(self) -> str:
        """The object that is the key's value now, or nothing."""
        key, value = self.entries[self.ma_keys, 0]
        return self.lives[value] if key == KEY and value else NULL

    def touch(self, keys: int) -> None:
        """A keys object's memory is read."""
        self.require(keys not in self.freed, "I3", "a keys object that is being read is not freed")

    def entry(self, keys: int, index: int) -> tuple[str, str]:
        """An entry is read."""
        self.touch(keys)
        return self.entries[keys, index]

    def decref(self, value: str) -> Steps:
        """Give a reference back."""
        yield "Py_DECREF"
        self.counts[value] -= 1
        if self.counts[value] == 0:
            self.lives[value] = DEAD

    def reuse(self, address: str) -> None:
        """An object that has nothing to do with the dict, where one has died."""
        if self.lives[address] == DEAD:
            self.lives[address] = "another"
            self.counts[address] = 1

    @safety("I4", "every value of the dict is alive")
    def values_live(self) -> bool:
        values = [
            self.entries[self.ma_keys, n][1] for n in (0, 1) if (self.ma_keys, n) in self.entries
        ]
        return all(value == NULL or self.lives[value] != DEAD for value in values)
