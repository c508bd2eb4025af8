"""RC-IMMORTAL: objects that are not counted, and how one becomes such."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNIT = 4  # the two low bits of ob_ref_shared are a flag
ALL_ONES = 7  # ob_ref_local has three bits here, and 32 in CPython
IMMORTAL_BIT = 1  # of the count word of the nogil fork, which counts in steps of 4 as well
OWNER, OTHER = "owner", "other"
NO_TID = ""
TABLE, CROWDED = "in the table", "crowded"


class ImmortalObjects(Mechanism):
    """All ones in `ob_ref_local` say that an object is not counted: it never dies.

    Every increment and decrement loads that word first and stops there, so None or a small integer
    is never written to, and no cache line travels. To make an object immortal takes three plain
    stores, which is right for a new object only, or with the world stopped: who has loaded the count
    before would store an old one over the mark. A local count that comes to all ones by counting has
    become immortal too, which is better than starting again at zero. The nogil fork kept a bit of a
    count word for this, below a count in steps of four.

    Simplified: three objects - one that is made immortal while both threads count it, one that is
    counted up to all ones, and one with a word as in the fork; stopping the world is one step.
    """

    name = "rc-immortal"
    title = "Immortal objects"
    status = Status.CURRENT
    sources = ("PEP 683", "PEP 703", "Include/object.h", "Objects/object.c")
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "world-not-stopped": "A shared object is made immortal while other threads count.",
        "decrement-unchecked": "A decrement does not look for the mark.",
        "overflow-wraps": "An increment of all ones stores zero.",
        "step-of-one": "The fork's count goes in steps of one, through the flag bits.",
        "tests-shared-word": "What has a shared word of zero is taken for immortal.",
    }

    def setup(self) -> None:
        """`in the table` has a reference of the owner, of the other, and of who makes it immortal."""
        self.tid = OWNER  # of the one in the table; the others stay the owner's
        self.local = {TABLE: 3, CROWDED: ALL_ONES - 1}
        self.shared = 0
        self.fork_word = UNIT
        self.handles = 3  # of the one in the table
        self.fork_handles = 1
        self.immortal: set[str] = set()  # were made immortal, or have become it
        self.freed: set[str] = set()
        self.stopped = False
        self.counting: set[str] = set()  # threads that are between two safe points

    def threads(self) -> dict[str, Steps]:
        """The owner of all three, another thread, and one that makes an object immortal."""
        return {OWNER: self.owner(), OTHER: self.other(), "interner": self.immortalize()}

    def owner(self) -> Steps:
        """Counts each object, up and down again, and gives back what it had."""
        for rises in (True, False, False):
            yield from self.begin(OWNER)
            yield from self.count(OWNER, TABLE, rises)
        for rises in (True, True, False):
            yield from self.begin(OWNER)
            yield from self.count(OWNER, CROWDED, rises)
        for rises in (True, False, False):
            yield "Py_INCREF of the fork" if rises else "Py_DECREF of the fork"
            self.count_forked(rises)

    def other(self) -> Steps:
        """Takes a second reference and gives it back."""
        for rises in (True, False):
            yield from self.begin(OTHER)
            yield from self.count(OTHER, TABLE, rises)

    def begin(self, me: str) -> Steps:
        """A safe point: a thread waits here, and nowhere else, while the world is stopped."""
        yield Step("safe point", until=lambda: not self.stopped)
        self.counting.add(me)

    def count(self, me: str, name: str, rises: bool) -> Steps:
        """Py_INCREF or Py_DECREF, up to the next safe point."""
        function = "Py_INCREF" if rises else "Py_DECREF"
        yield f"{function}: load ob_ref_local"
        seen = self.local[name]
        if self.looks_immortal(name, seen, rises):
            self.done(me, name, rises)
        elif me == OWNER and (name == CROWDED or self.tid == OWNER):
            yield f"{function}: store ob_ref_local"
            wrapped = (seen + (1 if rises else -1)) & ALL_ONES
            self.write(name, wrapped, self.shared, self.tid)
            self.done(me, name, rises)
            if wrapped == 0 and not rises:
                self.free(name)
        else:
            yield f"{function}: atomic add to ob_ref_shared"
            shared = self.shared + (UNIT if rises else -UNIT)
            self.write(name, self.local[name], shared, self.tid)
            self.done(me, name, rises)

    def looks_immortal(self, name: str, seen: int, rises: bool) -> bool:
        """What the thread takes the object for."""
        if self.has("tests-shared-word"):
            return name == TABLE and self.shared == 0
        if self.has("overflow-wraps") and rises:
            return False
        if self.has("decrement-unchecked") and not rises:
            return False
        return seen == ALL_ONES

    def count_forked(self, rises: bool) -> None:
        """Both of the fork's functions, on a word that only its owner counts in."""
        if not self.fork_word & IMMORTAL_BIT:
            unit = 1 if self.has("step-of-one") else UNIT
            self.fork_word += unit if rises else -unit
        self.fork_handles += 1 if rises else -1

    def immortalize(self) -> Steps:
        """_Py_SetImmortal, on an object that other threads have."""
        if not self.has("world-not-stopped"):
            yield Step("_PyEval_StopTheWorld", until=lambda: not self.counting)
            self.stopped = True
        yield "_Py_SetImmortal: store ob_tid"
        self.tid = NO_TID
        yield "_Py_SetImmortal: store ob_ref_local"
        self.local[TABLE] = ALL_ONES
        yield "_Py_SetImmortal: store ob_ref_shared"
        self.shared = 0
        self.immortal.add(TABLE)
        yield "_PyEval_StartTheWorld"
        self.stopped = False

    def write(self, name: str, local: int, shared: int, tid: str) -> None:
        """Set the words of an object that is counted."""
        same = (local, shared, tid) == (self.local[name], self.shared, self.tid)
        self.require(
            same or name not in self.immortal, "I2", "the words of an immortal object do not change"
        )
        self.local[name] = local
        self.shared = shared
        if local == ALL_ONES:
            self.immortal.add(name)

    def done(self, me: str, name: str, rises: bool) -> None:
        """The thread has a reference more or less, and comes to a safe point."""
        self.counting.discard(me)
        if name == TABLE:
            self.handles += 1 if rises else -1

    def free(self, name: str) -> None:
        """_Py_Dealloc."""
        self.require(name not in self.immortal, "I1", "an immortal object is never freed")
        self.freed.add(name)

    @safety("I3", "what became immortal stays so")
    def marks_stay(self) -> bool:
        return all(self.local[name] == ALL_ONES for name in self.immortal)

    @safety("I4", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return TABLE not in self.freed or not self.handles

    @safety("I5", "counting changes no flag: the fork's object is not immortal")
    def flags_stay(self) -> bool:
        return not self.fork_word & (UNIT - 1)

    @liveness("I6", "at rest the fork's count is the number of references")
    def fork_counts(self) -> bool:
        return self.fork_word == self.fork_handles * UNIT
