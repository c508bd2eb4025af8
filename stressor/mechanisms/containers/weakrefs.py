"""CC-WEAKREF: from a weak reference to a strong one."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""


class WeakReference(Mechanism):
    """A weak reference is turned into a strong one under a lock that is not the object's own.

    The getter loads the pointer; if it is not None yet, it takes one of a table of locks, chosen by
    the object's address alone, and looks again. Only then may it touch the object, and counts it up
    only if it is not dying. An object that dies takes the same lock, sets the pointer to None and
    unlinks the weak reference; callbacks run after the lock is released, and the memory goes last.
    Whoever makes a weak reference first sets the flag "may have weak references" in the shared
    count: without it the owner would free with no atomic operation, and others may not increment.

    Simplified: one object and one weak reference with a callback; the owner's count is 1, all others
    count in the shared word; the table of locks has one lock, which is taken to be right.
    """

    name = "cc-weakref"
    title = "Weak reference to strong reference"
    status = Status.CURRENT
    sources = ("Objects/weakrefobject.c", "Include/internal/pycore_weakref.h")
    sizes = {"getters": 2}
    stuck = ("L1", "no thread waits for a lock for ever")
    defects = {
        "borrowed-get-object": "PyWeakref_GetObject: the pointer is given out, and counted later.",
        "borrows-while-closing": "The target is used with no reference while another closes it.",
        "increments-without-test": "A getter counts up an object that is dying.",
        "increments-unflagged": "The flag is not set, and getters count up all the same.",
        "flag-after-publish": "The flag is set when the weak reference can be seen already.",
        "no-retest": "The pointer is not tested again under the lock.",
        "lock-in-object": "The lock is one that the object carries.",
        "callback-under-lock": "The callback runs before the lock is released.",
    }

    def setup(self) -> None:
        """An object that its owner alone has, with no weak reference yet."""
        self.local, self.shared = 1, 0
        self.flag = self.merged = False
        self.dying = self.freed = False
        self.published = False
        self.wr_object = True  # False: None
        self.lock = NOBODY
        self.called = 0

    def threads(self) -> dict[str, Steps]:
        """The owner makes a weak reference and drops the object; the others use it meanwhile."""
        getters = [f"getter{number}" for number in range(1, self.numbers["getters"] + 1)]
        return {"owner": self.owner()} | {name: self.getter(name) for name in getters}

    def owner(self) -> Steps:
        """get_or_create_weakref, and the last reference of the owner."""
        flags = not self.has("increments-unflagged")
        if flags and not self.has("flag-after-publish"):
            yield "_PyObject_SetMaybeWeakref"
            self.flag = True
        yield "insert_weakref"
        self.published = True
        if flags and self.has("flag-after-publish"):
            yield "_PyObject_SetMaybeWeakref"
            self.flag = True
        yield "_Py_MergeZeroLocalRefcount: load ob_ref_shared"
        unshared = not self.flag and self.shared == 0
        if unshared:
            yield "_Py_Dealloc, no atomic operation"
            self.local = 0
            self.dying = True
        else:
            yield "_Py_MergeZeroLocalRefcount: CAS ob_ref_shared"
            self.local = 0
            self.merged = True
            self.dying = self.shared == 0
        if self.dying:
            yield from self.clear("owner")

    def getter(self, me: str) -> Steps:
        """ref(), use, drop."""
        yield Step("the weak reference is there", lambda: self.published)
        if self.has("borrowed-get-object") or self.has("borrows-while-closing"):
            found = yield from self.get_borrowed()
        else:
            found = yield from self.get_ref(me)
        if found:
            yield "use"
            self.use()
            if not self.has("borrows-while-closing"):
                yield from self.decref(me)

    def get_ref(self, me: str) -> Steps[bool]:
        """_PyWeakref_GET_REF; whether there is a reference now."""
        yield "_PyWeakref_GET_REF: load wr_object"
        if not self.wr_object:
            return False
        yield Step("LOCK_WEAKREFS", lambda: self.lock == NOBODY)
        if self.has("lock-in-object"):
            self.touch()
        self.lock = me
        yield "_PyWeakref_GET_REF: load wr_object again"
        if not self.wr_object and not self.has("no-retest"):
            self.lock = NOBODY
            return False
        yield "_Py_TryIncref, UNLOCK_WEAKREFS"
        self.touch()
        self.lock = NOBODY
        may = self.flag or self.shared > 0 or self.has("increments-unflagged")
        gets = self.has("increments-without-test") or (may and self.counted())
        self.require(gets or not self.counted(), "I5", "only a dying object is not given out")
        self.shared += gets
        return gets

    def counted(self) -> bool:
        """Whether anybody has a reference, as the count words say."""
        return self.local + self.shared > 0

    def get_borrowed(self) -> Steps[bool]:
        """PyWeakref_GetObject, and a Py_INCREF if the caller thinks of it."""
        yield "PyWeakref_GetObject"
        if not self.wr_object:
            return False
        if not self.has("borrows-while-closing"):
            yield "Py_INCREF"
            self.use()
            self.shared += 1
        return True

    def decref(self, me: str) -> Steps:
        """_Py_DecRefShared."""
        yield "_Py_DecRefShared"
        self.shared -= 1
        if self.merged and self.shared == 0:
            self.dying = True
            yield from self.clear(me)

    def clear(self, me: str) -> Steps:
        """PyObject_ClearWeakRefs, the callback, and the end."""
        yield Step("PyObject_ClearWeakRefs: lock", lambda: self.lock == NOBODY)
        self.lock = me
        yield "clear_weakref_lock_held: wr_object = None, unlink"
        self.wr_object = False
        if not self.has("callback-under-lock"):
            self.lock = NOBODY
        yield Step("callback: PyWeakref_NewRef, same lock", lambda: self.lock == NOBODY)
        self.called += 1
        yield "tp_free"
        self.touch()
        self.freed = True

    def touch(self) -> None:
        """The object's memory is read or written."""
        self.require(not self.freed, "I2", "a freed object's memory is not touched")

    def use(self) -> None:
        """Somebody calls a method of the object."""
        self.require(not self.dying, "I1", "what the weak reference gave is alive")

    @safety("I1", "an object that somebody has is not dying")
    def no_revival(self) -> bool:
        return not (self.dying and self.shared)

    @safety("I3", "the callback runs once, after the weak reference was cleared")
    def callback_once(self) -> bool:
        return self.called <= (not self.wr_object)

    @liveness("L2", "an object that nobody has is freed")
    def is_freed(self) -> bool:
        return self.freed
