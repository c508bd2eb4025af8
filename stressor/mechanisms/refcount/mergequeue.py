"""RC-MERGEQ: the queue of objects that their owner has to merge, and the owner's exit."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNIT = 4
NONE, WEAKREF, QUEUED, MERGED = range(4)
TID, NO_TID = "7f00", ""
NOBODY = ""
OWNER, HEIR = "owner", "heir"
PARENT, CHILD = "parent", "child"  # the destructor of the first drops the second


class MergeQueue(Mechanism):
    """A thread that cannot take its reference off an object gives it to the object's owner.

    Under the lock of a bucket of the table of threads it looks for the owner by the object's `ob_tid`;
    when the owner is there, the object goes on the owner's stack and a bit in its eval breaker is set.
    The owner clears the bit, takes the whole stack under the lock, and merges without it, since
    destructors run then. A thread that exits merges until its stack is empty, and leaves the table
    under the same lock that it saw that under; who does not find the owner merges itself, with the
    bucket locked, as thread ids are used again and the next thread of this id must not come meanwhile.
    Without memory for the push, it stops the world and merges then.

    Simplified: one bucket; two objects; `_Py_DecRefShared` is one step, and no local count comes to
    zero by decrements (RC-BRC has both in full). Stopping the world waits only for a thread that is
    changing an object as its owner. The collector does not drain the queue.
    """

    name = "rc-mergeq"
    title = "Inter-thread merge queue"
    status = Status.CURRENT
    sources = ("PEP 703", "Python/brc.c", "Python/ceval_gil.c")
    sizes = {"checks": 1, "shortages": 1}
    stuck = ("L3", "every thread comes to its end")
    defects = {
        "unlinks-undrained": "An exiting thread leaves the table without looking at its stack.",
        "looks-then-unlinks": "The stack is seen to be empty, and the table is left, under two locks.",
        "bit-before-push": "The bit is set first, and the object pushed under the lock afterwards.",
        "merges-without-minus": "Merging does not take off the reference that the queue had.",
        "merges-unlocked": "Who does not find the owner unlocks the bucket before it merges.",
        "stays-in-table": "An exiting thread is not taken out of the table.",
        "clears-bit-late": "The owner clears the bit after it took the stack.",
        "fallback-unstopped": "Without memory to push, the object is merged as the owner goes on.",
        "destroys-under-lock": "Who merges for an owner that is gone destroys with the bucket locked.",
    }

    def setup(self) -> None:
        """The owner made both objects: `parent` for other1, `child` for parent and other2."""
        self.tid = {PARENT: TID, CHILD: TID}
        self.local = {PARENT: 1, CHILD: 2}
        self.shared = {PARENT: 0, CHILD: 0}
        self.handles = {PARENT: 1, CHILD: 2}  # those of others, of objects, and of queues
        self.bucket = NOBODY  # who has its lock
        self.table = OWNER  # who is in the table with this id
        self.gone: set[str] = set()
        self.stack: dict[str, tuple[str, ...]] = {OWNER: (), HEIR: ()}  # objects_to_merge
        self.bit = {OWNER: False, HEIR: False}
        self.draining: set[str] = set()  # cleared the bit, and will look at the stack
        self.busy: set[str] = set()  # threads that come to no safe point before their next step
        self.memory = True
        self.freed: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """The owner, one that gets its id when it is gone, and two that drop references."""
        return {
            OWNER: self.run(OWNER),
            HEIR: self.heir(),
            "other1": self.decrement("other1", PARENT),
            "other2": self.decrement("other2", CHILD),
        }

    def services(self) -> dict[str, Steps]:
        """Memory runs out at any time."""
        return {"memory": self.run_out()}

    def run_out(self) -> Steps:
        """From then on no object can be pushed."""
        for _ in range(self.numbers["shortages"]):
            yield "out of memory"
            self.memory = False

    def run(self, me: str) -> Steps:
        """Looks at the eval breaker some times, and exits."""
        for _ in range(self.numbers["checks"]):
            yield "_Py_HandlePending: load eval_breaker"
            if self.bit[me]:
                yield from self.handle_pending(me)
        yield from self.remove_thread(me)

    def heir(self) -> Steps:
        """A new thread that the system gives the id of one that is gone."""
        yield Step("_Py_brc_init_thread", until=lambda: OWNER in self.gone and not self.bucket)
        self.table = HEIR
        yield from self.run(HEIR)

    def handle_pending(self, me: str) -> Steps:
        """Clears the bit and merges."""
        if not self.has("clears-bit-late"):
            yield "_Py_unset_eval_breaker_bit"
            self.bit[me] = False
            self.draining.add(me)
        yield Step("_Py_brc_merge_refcounts: lock, take the stack", until=lambda: not self.bucket)
        taken = self.stack[me]
        self.stack[me] = ()
        self.draining.discard(me)
        if self.has("clears-bit-late"):
            yield "_Py_unset_eval_breaker_bit"
            self.bit[me] = False
        yield from self.merge_queued(me, taken)

    def merge_queued(self, me: str, taken: tuple[str, ...]) -> Steps:
        """merge_queued_objects, of the thread's own stack: what came last goes first."""
        for name in taken[::-1]:
            if (yield from self.merge(me, name)):
                yield from self.destroy(me, name)

    def remove_thread(self, me: str) -> Steps:
        """_Py_brc_remove_thread."""
        while True:
            yield Step("_Py_brc_remove_thread: lock, look", until=lambda: not self.bucket)
            taken = self.stack[me]
            if not taken or self.has("unlinks-undrained"):
                break
            self.stack[me] = ()
            yield from self.merge_queued(me, taken)
        if self.has("looks-then-unlinks"):
            yield Step("_Py_brc_remove_thread: lock, unlink", until=lambda: not self.bucket)
        if not self.has("stays-in-table"):
            self.table = NOBODY
        self.gone.add(me)

    def decrement(self, me: str, name: str) -> Steps:
        """Py_DECREF by a thread that is not the owner; ids are compared in RC-BRC."""
        yield "_Py_DecRefShared"
        self.use(name)
        if self.shared[name] in (NONE, WEAKREF):
            self.shared[name] = QUEUED
            yield from self.queue_object(me, name)
        else:
            yield from self.subtract(me, name)

    def subtract(self, me: str, name: str) -> Steps:
        """The rest of _Py_DecRefShared where there is nothing to queue."""
        self.use(name)
        self.shared[name] -= UNIT
        self.handles[name] -= 1
        if self.shared[name] == MERGED:
            yield from self.destroy(me, name)

    def queue_object(self, me: str, name: str) -> Steps:
        """_Py_brc_queue_object: the reference goes to the queue, or is dropped."""
        yield "_Py_brc_queue_object: load ob_tid"
        self.use(name)
        if self.tid[name] == NO_TID:
            yield "_Py_DecRefShared"
            yield from self.subtract(me, name)
            return
        early = self.has("bit-before-push")
        if early and self.table != NOBODY:
            yield "_Py_set_eval_breaker_bit"
            if self.table != NOBODY:
                self.bit[self.table] = True
        yield Step("_Py_brc_queue_object: lock bucket", until=lambda: not self.bucket)
        if self.table == NOBODY:
            yield from self.merge_abandoned(me, name)
        elif self.memory:
            self.stack[self.table] += (name,)
            self.bit[self.table] |= not early
        else:
            yield from self.merge_stopped(me, name)

    def merge_abandoned(self, me: str, name: str) -> Steps:
        """The rest of _Py_brc_queue_object where there is no owner; the bucket is locked."""
        if not self.has("merges-unlocked"):
            self.bucket = me
        dead = yield from self.merge(me, name)
        if dead and self.has("destroys-under-lock"):
            yield from self.destroy(me, name)
        if self.bucket == me:
            yield "_Py_brc_queue_object: unlock bucket"
            self.bucket = NOBODY
        if dead and not self.has("destroys-under-lock"):
            yield from self.destroy(me, name)

    def merge_stopped(self, me: str, name: str) -> Steps:
        """The rest of _Py_brc_queue_object where the push failed; the bucket is not locked."""
        if self.has("fallback-unstopped"):
            dead = yield from self.merge(me, name)
        else:
            yield Step(
                "_PyEval_StopTheWorld, _Py_ExplicitMergeRefcount, _PyEval_StartTheWorld",
                until=lambda: not self.busy,
            )
            dead = self.add_up(name, self.give_up(name))
        if dead:
            yield from self.destroy(me, name)

    def merge(self, me: str, name: str) -> Steps[bool]:
        """_Py_ExplicitMergeRefcount(op, -1); whether that was the last reference."""
        yield "_Py_ExplicitMergeRefcount: store ob_ref_local and ob_tid"
        alone = self.table in (NOBODY, me)
        self.require(alone, "I4", "only the owner merges, or anybody when there is no owner")
        self.busy.add(me)
        local = self.give_up(name)
        yield "_Py_ExplicitMergeRefcount: CAS ob_ref_shared"
        self.busy.remove(me)
        return self.add_up(name, local)

    def give_up(self, name: str) -> int:
        """Nobody owns the object any more; what its local count was."""
        self.use(name)
        local = self.local[name]
        self.local[name] = 0
        self.tid[name] = NO_TID
        return local

    def add_up(self, name: str, local: int) -> bool:
        """The shared count is the only one, without the queue's reference; whether it is zero."""
        self.use(name)
        minus = 0 if self.has("merges-without-minus") else 1
        count = (self.shared[name] >> 2) + local - minus
        self.shared[name] = count * UNIT + MERGED
        self.handles[name] -= 1
        return count == 0

    def destroy(self, me: str, name: str) -> Steps:
        """_Py_Dealloc; the parent's destructor drops the child."""
        yield f"_Py_Dealloc({name})"
        self.use(name)
        self.freed.add(name)
        if name == PARENT:
            yield "Py_DECREF: compare ob_tid"
            if me in (OWNER, HEIR) and self.tid[CHILD] == TID:
                self.busy.add(me)
                yield "Py_DECREF: store ob_ref_local"
                self.busy.remove(me)
                self.handles[CHILD] -= 1
                self.local[CHILD] -= 1  # not to zero: other2's reference is counted here as well
            else:
                yield from self.decrement(me, CHILD)

    def use(self, name: str) -> None:
        """The object's words are touched."""
        self.require(name not in self.freed, "I5", "a freed object is not touched")

    @safety("I5", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return not any(self.handles[name] for name in self.freed)

    @safety("I3", "a thread that is gone has an empty stack")
    def the_gone_have_nothing(self) -> bool:
        return not any(self.stack[thread] for thread in self.gone)

    @safety("L1", "a thread with a stack to merge has the bit set, or will look anyway")
    def the_bit_is_set(self) -> bool:
        return all(
            self.bit[thread] or thread in self.draining or not self.stack[thread]
            for thread in self.stack
        )

    @liveness("L2", "what was queued is merged, and what has no references is freed")
    def all_is_freed(self) -> bool:
        return len(self.freed) == 2
