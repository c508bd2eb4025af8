"""RC-BRC: biased reference counting, from the first share to the merge."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNIT = 4  # the two low bits of ob_ref_shared are a flag
NONE, WEAKREF, QUEUED, MERGED = range(4)
NO_TID = ""
OWNER = "owner"
COMPARE = "_Py_IsOwnedByCurrentThread"
ALLOWED = {NONE: {NONE, WEAKREF, QUEUED, MERGED}, WEAKREF: {WEAKREF, QUEUED, MERGED}}
ALLOWED |= {QUEUED: {QUEUED, MERGED}, MERGED: {MERGED}}


class BiasedCounting(Mechanism):
    """The thread that made an object counts without atomics; all others share a second count.

    The owner's count is `local`; the others' is `shared` with a flag in its low bits. A thread that
    would bring the shared count below zero for the first time does not subtract: it sets the flag
    "queued" and gives its reference to the owner's merge queue. The owner merges the two counts when
    it comes to its queue, or when its own reaches zero; from then on `tid` is nobody and every
    thread counts in `shared`, flagged "merged". Merged with a count of 0 is the end of the object.

    Simplified: one object; the queue has no lock of its own (that is RC-MERGEQ), and an owner that is
    gone leaves none behind. No immortal or deferred objects.
    """

    name = "rc-brc"
    title = "Biased reference counting"
    status = Status.CURRENT
    sources = (
        "PEP 703",
        "Choi, Shull, Torrellas, Biased Reference Counting, PACT 2018",
        "Include/object.h",
        "Objects/object.c",
    )
    sizes = {"others": 2, "extra": 1, "gifts": 2}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "shared-load-store": "The shared count is incremented by a load and a store.",
        "ignores-shared": "The owner frees when its own count is zero, whatever the shared one is.",
        "queues-and-subtracts": "A thread that queues the object takes its reference off as well.",
        "merged-before-tid": "Merging sets the flag first and gives up ownership afterwards.",
        "frees-unmerged": "A thread that brings the shared count to zero frees without the flag.",
        "stale-owner-check": "The owner uses what it found out about its ownership one count earlier.",
        "stale-desired": "After a compare-and-swap that failed, the old new value is stored.",
    }

    def setup(self) -> None:
        """The owner made the object and has counted one reference for each of the others."""
        others = self.numbers["others"]
        self.tid = OWNER
        self.local = 1 + others
        self.shared = 0
        self.queue = 0  # entries in the owner's merge queue; each has a reference
        self.owner_lives = True
        self.gifts = self.numbers["gifts"]  # other1 has yet to hand them to the owner
        self.freed = False
        self.handles = {OWNER: 1} | {f"other{number}": 1 for number in range(1, others + 1)}

    def threads(self) -> dict[str, Steps]:
        """Each takes further references and then gives all of them back."""
        others = [name for name in self.handles if name != OWNER]
        return {OWNER: self.owner()} | {name: self.other(name) for name in others}

    def owner(self) -> Steps:
        """Counts, merges when it comes by its queue, and merges what is left before it is gone."""
        owned = True
        given = 0  # so that no two decrements are at the same place: a probe tells them apart
        for _ in range(self.numbers["extra"]):
            owned, mine = yield from self.compare_tid(owned)
            yield from self.increment(OWNER, mine)
        while True:
            yield Step(
                "eval breaker", until=lambda: self.handles[OWNER] or self.queue or not self.gifts
            )
            if self.queue:
                yield from self.merge_queue()
            elif self.handles[OWNER]:
                given += 1
                owned, mine = yield from self.compare_tid(owned)
                yield from self.decrement(OWNER, mine)
            else:
                break
        yield "_Py_brc_remove_thread: queue empty, unlink"
        while self.queue:
            yield from self.merge_queue()
            yield "_Py_brc_remove_thread: queue empty, unlink"
        self.owner_lives = False

    def compare_tid(self, earlier: bool) -> Steps[tuple[bool, bool]]:
        """Whether the owner owns the object now, and what it takes for true."""
        yield COMPARE
        owned = self.tid == OWNER
        return owned, earlier if self.has("stale-owner-check") else owned

    def other(self, me: str) -> Steps:
        """A thread that never owns the object. What it gives the owner counts in the shared count."""
        if me == "other1":
            for _ in range(self.numbers["gifts"]):
                yield COMPARE  # always false, here and below
                yield from self.increment(me, mine=False)
                self.gifts -= 1
                self.handles[me] -= 1
                self.handles[OWNER] += 1
        for _ in range(self.numbers["extra"]):
            yield COMPARE
            yield from self.increment(me, mine=False)
        for _ in range(self.numbers["extra"] + 1):
            yield COMPARE
            yield from self.decrement(me, mine=False)

    def increment(self, me: str, mine: bool) -> Steps:
        """Py_INCREF, after the owner check."""
        if mine:
            yield "Py_INCREF: store ob_ref_local"
            self.use()
            self.local += 1
        elif self.has("shared-load-store"):
            yield "Py_INCREF: load ob_ref_shared"
            self.use()
            seen = self.shared
            yield "Py_INCREF: store ob_ref_shared"
            self.write(seen + UNIT)
        else:
            yield "Py_INCREF: atomic add to ob_ref_shared"
            self.write(self.shared + UNIT)
        self.handles[me] += 1

    def decrement(self, me: str, mine: bool) -> Steps:
        """Py_DECREF, after the owner check."""
        if mine:
            yield "Py_DECREF: store ob_ref_local"
            self.use()
            self.local -= 1
            self.handles[me] -= 1
            if self.local == 0:
                yield from self.merge_zero()
        else:
            yield from self.decrement_shared(me)

    def decrement_shared(self, me: str) -> Steps:
        """_Py_DecRefShared; with a name, that thread's handle goes."""
        yield "_Py_DecRefShared: load ob_ref_shared"
        self.use()
        seen = self.shared
        wanted = self.wanted(seen)
        while True:
            yield "_Py_DecRefShared: CAS ob_ref_shared"
            if self.shared == seen:
                break
            self.use()
            seen = self.shared
            if self.has("stale-desired"):
                break
            wanted = self.wanted(seen)
        queues = seen in (NONE, WEAKREF)
        self.write(wanted)
        self.handles[me] -= 1
        if queues:
            yield from self.queue_object()
        elif wanted == MERGED or (wanted >> 2 == 0 and self.has("frees-unmerged")):
            self.free()

    def wanted(self, seen: int) -> int:
        """What a decrement makes of the shared count."""
        if seen not in (NONE, WEAKREF):
            return seen - UNIT
        return QUEUED - UNIT if self.has("queues-and-subtracts") else QUEUED

    def queue_object(self) -> Steps:
        """_Py_brc_queue_object: hand one reference to the owner, or drop it when there is none."""
        yield "_Py_brc_queue_object: load ob_tid"
        self.use()
        if self.tid == NO_TID:
            yield from self.drop_queued()
            return
        yield "_Py_brc_queue_object: lock bucket, push"
        if self.owner_lives:
            self.queue += 1
        else:
            yield from self.explicit_merge()

    def drop_queued(self) -> Steps:
        """The owner merged meanwhile: the reference meant for its queue is an ordinary one."""
        yield "_Py_DecRefShared: atomic subtract"
        self.write(self.shared - UNIT)
        if self.shared == MERGED:
            self.free()

    def merge_zero(self) -> Steps:
        """_Py_MergeZeroLocalRefcount: the owner has given back its last reference."""
        yield "_Py_MergeZeroLocalRefcount: load ob_ref_shared"
        self.use()
        if self.shared == 0 or self.has("ignores-shared"):
            self.free()
            return
        yield from self.merge(0, "_Py_MergeZeroLocalRefcount")

    def merge_queue(self) -> Steps:
        """_Py_brc_merge_refcounts, at the eval breaker."""
        while self.queue:
            yield "_Py_brc_merge_refcounts: take one"
            self.queue -= 1
            yield from self.explicit_merge()

    def explicit_merge(self) -> Steps:
        """_Py_ExplicitMergeRefcount(op, -1): with the reference that the queue had."""
        yield from self.merge(-1, "_Py_ExplicitMergeRefcount")

    def merge(self, extra: int, function: str) -> Steps:
        """Add up both counts; from then on everybody counts in the shared one."""
        local = self.local
        if not self.has("merged-before-tid"):
            yield f"{function}: store ob_ref_local and ob_tid"
            self.give_up()
        yield f"{function}: CAS ob_ref_shared"
        count = (self.shared >> 2) + local + extra
        self.write(count * UNIT + MERGED)
        if self.has("merged-before-tid"):
            yield f"{function}: store ob_ref_local and ob_tid"
            self.give_up()
        if count == 0:
            self.free()

    def give_up(self) -> None:
        """Nobody owns the object any more."""
        self.use()
        self.local = 0
        self.tid = NO_TID

    def write(self, shared: int) -> None:
        """Set the shared word."""
        self.use()
        rises = shared & 3 in ALLOWED[self.shared & 3]
        self.require(rises, "I5", "flags only move on: none, weakref, queued, merged")
        self.shared = shared

    def use(self) -> None:
        """The count words are touched."""
        self.require(not self.freed, "I2", "a count word was touched after the object was freed")

    def free(self) -> None:
        """_Py_Dealloc."""
        self.require(not self.freed, "I2", "the object was freed twice")
        self.freed = True

    @safety("I1", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return not self.freed or not (any(self.handles.values()) or self.queue)

    @safety("I3", "a merged object has no owner and no local count")
    def merged_has_no_owner(self) -> bool:
        return self.freed or self.shared & 3 != MERGED or (self.tid == NO_TID and self.local == 0)

    @liveness("L2", "an object without references is freed")
    def is_freed(self) -> bool:
        return self.freed
