"""MM-FILL: what the debug allocator may overwrite of a freed object."""

from stressor.mechanisms.base import Mechanism, Status, Steps, liveness, safety

MERGED, UNIT = 3, 4
DEAD_BYTES = 0xDDDD  # low bits 1: looks like a count with the "maybe weakref" flag
TYPE, IMMORTAL = 7, 0xFFFF
HEADER = ("ob_tid", "ob_ref_local", "ob_ref_shared", "ob_type")
OWNER, READER = "owner", "reader"


class Fill(Mechanism):
    """A debug build fills freed memory, so that using it is noticed, but spares the count words.

    Readers without a lock load a pointer from a list or dict, and count the object up only if it is
    not dead; they may do so after it was freed, while the page keeps its layout. So the words for the
    owner and the two counts have to read as those of a dead object, and the filling starts at the
    type. Where that is depends on the heap: the debug allocator puts two words before each block, and
    some objects have a pre-header of two more.

    Simplified: words are small; each is filled in one step. One object of the heap with pre-headers,
    under the debug allocator (sizes say whether), which is shared and merged, with one reference.
    """

    name = "mm-fill"
    title = "Debug fill avoids the count words"
    status = Status.CURRENT
    sources = ("Python/pystate.c", "Objects/mimalloc/alloc.c", "Include/internal/pycore_object.h")
    sizes = {"debug_allocator": 1, "pre_header": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "fills-everything": "A freed block is filled from its first word.",
        "forgets-debug-words": "The offset leaves out the two words of the debug allocator.",
        "forgets-pre-header": "The offset leaves out the pre-header.",
        "spares-the-type": "The filling starts after the type, which goes on looking alive.",
    }

    def setup(self) -> None:
        """The block's words in order; `cell` is a list item that points to the object."""
        words = ["size", "api_id"] * min(self.numbers["debug_allocator"], 1)
        words += ["pre0", "pre1"] * min(self.numbers["pre_header"], 1)
        self.words = (*words, *HEADER)
        self.memory = dict.fromkeys(words, 0) | {
            "ob_tid": 0,
            "ob_ref_local": 0,
            "ob_ref_shared": UNIT + MERGED,
            "ob_type": TYPE,
        }
        self.cell = True
        self.freed = False
        self.holds = False  # the reader has a reference

    def threads(self) -> dict[str, Steps]:
        """One drops the list's reference, one takes an item without a lock."""
        return {OWNER: self.owner(), READER: self.reader()}

    def owner(self) -> Steps:
        """Clears the item, and frees the object if that was the last reference."""
        yield "list_clear: store NULL"
        self.cell = False
        yield from self.decref()

    def decref(self) -> Steps:
        """_Py_DecRefShared of a merged object."""
        yield "_Py_DecRefShared: CAS ob_ref_shared"
        self.memory["ob_ref_shared"] -= UNIT
        if self.memory["ob_ref_shared"] == MERGED:
            self.freed = True
            yield from self.fill()

    def fill(self) -> Steps:
        """mi_free: fill from page->debug_offset on."""
        for word in self.words[self.debug_offset() :]:
            yield "mi_debug_fill: store 0xDD..."
            self.memory[word] = DEAD_BYTES

    def debug_offset(self) -> int:
        """tstate_mimalloc_bind: words before ob_type."""
        if self.has("fills-everything"):
            return 0
        before = len(self.words) - 1
        before -= 2 if self.has("forgets-debug-words") and "size" in self.words else 0
        before -= 2 if self.has("forgets-pre-header") and "pre0" in self.words else 0
        return before + self.has("spares-the-type")

    def reader(self) -> Steps:
        """list_get_item_ref: a reference to the item, or none."""
        yield "list_get_item_ref: load item"
        if not self.cell:
            return
        yield "_Py_TryIncrefFast: load ob_ref_local"
        immortal = self.memory["ob_ref_local"] == IMMORTAL
        self.require(not immortal, "I1", "a freed object looks immortal")
        yield "_Py_TryIncRefShared: load ob_ref_shared"
        seen = self.memory["ob_ref_shared"]
        while seen not in (0, MERGED):
            yield "_Py_TryIncRefShared: CAS ob_ref_shared"
            if self.memory["ob_ref_shared"] == seen:
                self.memory["ob_ref_shared"] = seen + UNIT
                self.holds = True
                break
            seen = self.memory["ob_ref_shared"]
        if self.holds:
            yield "use the item: load ob_type"
            self.require(self.memory["ob_type"] == TYPE, "I3", "an object in use has a type")
            self.holds = False
            yield from self.decref()

    @safety("I1", "counting up a freed object fails")
    def dead_stays_dead(self) -> bool:
        return not (self.freed and self.holds)

    @liveness("I2", "at rest the type of the freed object is filled")
    def type_is_filled(self) -> bool:
        return self.freed and self.memory["ob_type"] == DEAD_BYTES
