"""RC-TRYINC: counting an object that may be dead, and the flag that makes it safe."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNIT = 4  # the two low bits of ob_ref_shared are a flag
NONE, WEAKREF, QUEUED, MERGED = range(4)
NO_TID, OWNER = "", "owner"
FULL, EMPTY = 1, 0


class ConditionalIncrement(Mechanism):
    """Readers without a lock count first and look afterwards whether that was right.

    A reader loads a slot and adds to the shared count by compare-and-swap, unless the count is 0 with
    no flag (its owner may free at any time and would not look) or is merged and 0 (dead). After a
    success it loads the slot again: the memory may have gone to another object meanwhile, whose count
    is then put back. Memory read so stays readable (MM-QSBR's part). A reader that fails takes the
    lock, counts under it, and sets the flag "maybe weakref" by that, so that the owner has to give
    up the object by compare-and-swap, and the next reader needs no lock. Weak references set the flag
    when they are made.

    Simplified: one address, which a first object and then a second one has; no reference comes to be
    queued (RC-BRC has that). What is done under the lock of the slot or of the weak reference is one
    step.
    """

    name = "rc-tryinc"
    title = "Conditional increment and the maybe-weakref flag"
    status = Status.CURRENT
    sources = ("PEP 703", "Include/internal/pycore_object.h", "Objects/listobject.c")
    sizes = {"reads": 2}
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "counts-from-zero": "A shared count of 0 is incremented whatever its flag.",
        "slot-not-reloaded": "The slot is not compared after the increment.",
        "failure-keeps-count": "When the slot has changed, the increment is not taken back.",
        "weakref-without-flag": "Making a weak reference does not set the flag.",
        "locked-without-flag": "Counting under the lock does not set the flag.",
        "flag-by-store": "Making a weak reference sets the flag by a load and a store.",
        "owner-skips-flag": "The owner frees at a shared count of 0 without regard to the flag.",
    }

    def setup(self) -> None:
        """The owner has the first object; the slot counts a second reference of its own."""
        self.slot = FULL
        self.weak = EMPTY
        self.lives = 1  # which object has the address; 0: none
        self.tid = OWNER
        self.local = 1
        self.shared = 0
        self.handles = {"slot": 1, OWNER: 0, "reader": 0, "weakref reader": 0}
        self.counted_locked = False  # a reader has counted the first object under the lock

    def threads(self) -> dict[str, Steps]:
        """The owner; one that reads the slot; one that asks a weak reference."""
        return {
            OWNER: self.owner(),
            "reader": self.reader("reader"),
            "weakref reader": self.weakref_reader("weakref reader"),
        }

    def owner(self) -> Steps:
        """Makes a weak reference, empties the slot, and uses the address again."""
        if not self.has("weakref-without-flag"):
            yield from self.set_maybe_weakref()
        yield "PyWeakref_NewRef: store wr_object"
        self.weak = FULL
        yield "list.clear: store, under the list's lock"
        self.slot = EMPTY
        yield from self.decrement_local("slot")
        yield "PyObject_Malloc, PyObject_Init: the same address, if it is free"
        if self.lives == 0:
            self.lives, self.tid, self.local, self.shared = 2, OWNER, 1, NONE
            self.handles[OWNER] = 1
            yield from self.set_maybe_weakref()
            yield from self.decrement_local(OWNER)

    def set_maybe_weakref(self) -> Steps:
        """_PyObject_SetMaybeWeakref."""
        if self.has("flag-by-store"):
            yield "_PyObject_SetMaybeWeakref: load ob_ref_shared"
            seen = self.shared
            yield "_PyObject_SetMaybeWeakref: store ob_ref_shared"
            self.shared = seen | WEAKREF
        else:
            yield "_PyObject_SetMaybeWeakref: CAS in the flag"
            self.shared |= NONE if self.shared & 3 else WEAKREF

    def decrement_local(self, who: str) -> Steps:
        """Py_DECREF by the owner, of its last reference."""
        yield "Py_DECREF: store ob_ref_local"
        self.handles[who] -= 1
        self.local -= 1
        yield "_Py_MergeZeroLocalRefcount: load ob_ref_shared"
        if self.shared == NONE or (self.has("owner-skips-flag") and self.shared == WEAKREF):
            yield from self.deallocate()
            return
        yield "_Py_MergeZeroLocalRefcount: store ob_tid"
        self.tid = NO_TID
        yield "_Py_MergeZeroLocalRefcount: CAS in the flag"
        self.shared |= MERGED
        if self.shared == MERGED:
            yield from self.deallocate()

    def deallocate(self) -> Steps:
        """_Py_Dealloc: weak references go first, under their lock."""
        yield "PyObject_ClearWeakRefs"
        self.weak = EMPTY
        yield "PyObject_Free"
        self.require(self.lives != 0, "I4", "an object is freed once")
        self.lives = 0

    def reader(self, me: str) -> Steps:
        """list_get_item_ref, again and again."""
        for _ in range(self.numbers["reads"]):
            if (yield from self.get_item(me)):
                yield from self.give_back(me)

    def get_item(self, me: str) -> Steps[bool]:
        """One item, without the lock or with it."""
        yield "list_get_item_ref: load slot"
        if self.slot == EMPTY:
            return False
        known = self.counted_locked
        if (yield from self.try_increment(me, known)):
            yield "_Py_TryIncrefCompare: load slot again"
            if self.slot == FULL or self.has("slot-not-reloaded"):
                self.require(self.lives == 1, "I2", "what is counted is what the slot had")
                return True
            if self.has("failure-keeps-count"):
                self.handles[me] -= 1
            else:
                yield from self.give_back(me, "_Py_TryIncrefCompare: Py_DECREF")
            return False
        yield "_Py_NewRefWithLock: load slot, CAS + 4 and the flag, under the list's lock"
        if self.slot == EMPTY:
            return False
        flag = NONE if self.shared & 3 or self.has("locked-without-flag") else WEAKREF
        self.add(me, UNIT + flag)
        self.counted_locked = True
        return True

    def try_increment(self, me: str, known: bool) -> Steps[bool]:
        """_Py_TryIncRefShared; `known`: it was counted under the lock before."""
        yield "_Py_TryIncRefShared: load ob_ref_shared"
        seen = self.shared
        while True:
            if seen in (NONE, MERGED) and not self.has("counts-from-zero"):
                fresh = seen == NONE and self.lives == 1 and known
                self.require(not fresh, "L3", "what was counted under the lock needs no lock again")
                return False
            yield "_Py_TryIncRefShared: CAS + 4"
            if self.shared == seen:
                self.add(me, UNIT)
                return True
            seen = self.shared

    def weakref_reader(self, me: str) -> Steps:
        """Asks the weak reference once; `_PyWeakref_GET_REF` has its lock while it tries."""
        yield Step("_PyWeakref_GET_REF: load wr_object", until=lambda: self.weak or not self.slot)
        if self.weak == EMPTY:
            return
        yield "_Py_TryIncRefShared: CAS + 4, under the weakref's lock"
        if self.weak == EMPTY:
            return
        if self.shared in (NONE, MERGED) and not self.has("counts-from-zero"):
            self.require(not self.local, "I5", "a weak reference gives an object that is alive")
            return
        self.add(me, UNIT)
        yield from self.give_back(me)

    def add(self, me: str, what: int) -> None:
        """Add to the shared word."""
        self.require(self.lives != 0, "I3", "the count of a dead object is not changed")
        self.shared += what
        self.handles[me] += 1

    def give_back(self, me: str, step: str = "_Py_DecRefShared: CAS - 4") -> Steps:
        """A reference that was counted in the shared word."""
        yield step
        self.require(self.lives != 0, "I3", "the count of a dead object is not changed")
        self.shared -= UNIT
        self.handles[me] -= 1
        if self.shared == MERGED:
            yield from self.deallocate()

    @safety("I1", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return self.lives != 0 or not any(self.handles.values())

    @liveness("L1", "at rest nothing is left: what nobody refers to was freed")
    def all_is_freed(self) -> bool:
        return self.lives == 0
