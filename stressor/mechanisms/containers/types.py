"""CC-TYPE: the cache of attributes of types, and the references that a type gives out."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

DEAD, NOBODY, MISS = "", "", ""


class TypeCache(Mechanism):
    """An attribute of a type is looked up in a cache whose entries name a version of the type.

    Readers take no lock: an entry is guarded by a sequence number that is odd while it is written. It
    counts if its version is the type's and its name is the wanted one; then the reader counts the
    value up, which fails if the value is dying, and compares the sequence. On a miss it takes the type
    lock, gives the type a version if it has none, and only then walks the mro: the walk may run
    Python code and let the lock go, and what it found must not be filed under a later version. A
    modification clears the version before it changes the dict. The entry does not own its value.

    Simplified: one type, no subclasses; two names that share an entry; versions never run out, no
    fork. An address can be taken by a new object at once, therefore a reader looks at the type's
    version again after counting: 3.13 does not (the defect "no-version-recheck").
    """

    name = "cc-type"
    title = "Type attribute cache, and a type's mro"
    status = Status.CURRENT
    sources = ("Objects/typeobject.c", "Python/lock.c (_PySeqLock)")
    sizes = {"others": 1}
    stuck = ("L1", "every lookup comes to its end")
    defects = {
        "borrowed-mro": "The mro is given out with no reference, and counted up by who got it.",
        "no-end-of-read": "The reader does not compare the sequence after it has read the entry.",
        "version-after-walk": "The version to file under is taken when the mro has been walked.",
        "dict-before-version": "A modification changes the dict and clears the version after it.",
        "no-version-recheck": "The type's version is not looked at again after counting up.",
        "writes-unlocked": "Who fills the entry does not wait for another who is filling it.",
    }

    def setup(self) -> None:
        """A type with f = X and g = G at version 1; the entry has f."""
        self.sequence = 0
        self.version, self.name_, self.value = 1, "f", "X"
        self.tp_version, self.next_version = 1, 2
        self.tp_dict = {"f": "X", "g": "G"}
        self.tp_mro = "mro1"
        self.lives = {"X": "x", "Y": "y", "G": "g", "mro1": "mro", "mro2": "mro"}
        self.counts = dict.fromkeys(self.lives, 1)
        self.former = ""  # what a setattr that has not returned yet has replaced
        self.lock = NOBODY
        self.wants: dict[str, str] = {}
        self.seen: dict[str, frozenset[str]] = {}

    def threads(self) -> dict[str, Steps]:
        """One reads f and the mro, others read g, one changes f and the bases."""
        others = [f"other{number}" for number in range(1, self.numbers["others"] + 1)]
        return {
            "reader": self.reader(),
            "modifier": self.modifier(),
            **{name: self.other(name) for name in others},
        }

    def reader(self) -> Steps:
        """type.f, and type.__mro__."""
        yield from self.get("reader", "f")
        yield Step("type_get_mro", lambda: self.lock == NOBODY)
        mro = self.tp_mro
        if self.has("borrowed-mro"):
            yield "Py_INCREF"
        self.require(self.lives[mro] != DEAD, "I4", "the mro that was given out is alive")
        self.counts[mro] += 1

    def other(self, me: str) -> Steps:
        """type.g by one who has found f in the entry."""
        yield "_PyType_LookupRef: load entry->name"
        self.begin(me, "g")
        yield from self.miss(me, "g")

    def begin(self, me: str, name: str) -> None:
        """A lookup begins; from now on is noted what it may find."""
        if me not in self.wants:
            self.wants[me] = name
            self.seen[me] = self.truth(name)

    def get(self, me: str, name: str) -> Steps:
        """_PyType_LookupRef; the reference is kept."""
        while True:
            yield Step("_PySeqLock_BeginRead", lambda: self.sequence % 2 == 0)
            self.begin(me, name)
            sequence = self.sequence
            yield "_PyType_LookupRef: load entry->version"
            version = self.version
            yield "_PyType_LookupRef: load tp_version_tag"
            if self.tp_version != version:
                break
            yield "_PyType_LookupRef: load entry->name"
            if self.name_ != name:
                break
            yield "_PyType_LookupRef: load entry->value"
            value = self.value
            yield "_Py_TryIncref"
            if self.lives[value] == DEAD:
                break
            self.counts[value] += 1
            unchanged = True
            if not self.has("no-version-recheck"):
                yield "load tp_version_tag again"
                unchanged = self.tp_version == version
            if not self.has("no-end-of-read"):
                yield "_PySeqLock_EndRead"
                unchanged = unchanged and self.sequence == sequence
            if unchanged:
                self.returns(me, value)
                return
            yield from self.decref(value)
        yield from self.miss(me, name)

    def miss(self, me: str, name: str) -> Steps:
        """The second half, with the type lock, which the walk may let go for a while."""
        version = 0
        if not self.has("version-after-walk"):
            yield Step("assign_version_tag", lambda: self.lock == NOBODY)
            version = self.assign()
        yield Step("find_name_in_mro", lambda: self.lock == NOBODY)
        value = self.tp_dict[name]
        self.counts[value] += 1
        if self.has("version-after-walk"):
            yield Step("assign_version_tag", lambda: self.lock == NOBODY)
            version = self.assign()
        yield from self.update(name, version, value)
        self.returns(me, value)

    def assign(self) -> int:
        """The type's version, a new one if it has none."""
        if self.tp_version == 0:
            self.tp_version = self.next_version
            self.next_version += 1
        return self.tp_version

    def update(self, name: str, version: int, value: str) -> Steps:
        """update_cache_gil_disabled."""
        if self.has("writes-unlocked"):
            yield "update_cache: add to sequence"
        else:
            yield Step("_PySeqLock_LockWrite", lambda: self.sequence % 2 == 0)
        self.sequence += 1
        if (self.name_, self.value, self.version) == (name, value, version):
            yield "_PySeqLock_AbandonWrite"
            self.sequence -= 1
            return
        yield "update_cache: store value"
        self.value = value
        yield "update_cache: store name"
        self.name_ = name
        yield "update_cache: store version"
        self.version = version
        yield "_PySeqLock_UnlockWrite"
        self.sequence += 1

    def modifier(self) -> Steps:
        """type.f = Y; type.__bases__ = ..."""
        yield Step("type_setattro: lock", lambda: self.lock == NOBODY)
        self.lock = "modifier"
        if not self.has("dict-before-version"):
            yield "type_modified_unlocked"
            self.tp_version = 0
            yield "type_update_dict, unlock"
            self.replace()
            self.lock = NOBODY
        else:
            yield "type_update_dict"
            self.replace()
            self.former = "x"
        yield from self.decref("X")
        yield "PyObject_Malloc: another object at the same address"
        if self.lives["X"] == DEAD:
            self.lives["X"] = "another"
            self.counts["X"] = 1
        if self.has("dict-before-version"):
            yield "type_modified_unlocked, unlock"
            self.tp_version = 0
            self.lock = NOBODY
            self.former = ""
        yield Step("type_set_bases: with the lock", lambda: self.lock == NOBODY)
        self.tp_version = 0
        self.tp_mro = "mro2"
        yield from self.decref("mro1")

    def replace(self) -> None:
        """The store to the type's dict."""
        self.tp_dict["f"] = "Y"
        for reader, name in self.wants.items():
            self.seen[reader] |= self.truth(name)

    def truth(self, name: str) -> frozenset[str]:
        """What a lookup may find now."""
        former = {self.former} if name == "f" and self.former else set()
        return frozenset({self.lives[self.tp_dict[name]]} | former)

    def returns(self, me: str, value: str) -> None:
        """The end of a lookup: the value was the attribute's at a moment between."""
        found = self.lives[value]
        self.require(found in self.seen[me], "I1", "the value was the attribute's during the call")
        del self.wants[me], self.seen[me]

    def decref(self, value: str) -> Steps:
        """Give a reference back."""
        yield "Py_DECREF"
        self.counts[value] -= 1
        if self.counts[value] == 0:
            self.lives[value] = DEAD

    @safety("I2", "an entry of the type's version has that version's value")
    def entry_is_right(self) -> bool:
        current = self.sequence % 2 == 0 and self.version == self.tp_version and not self.former
        return not current or self.value == self.tp_dict[self.name_]
