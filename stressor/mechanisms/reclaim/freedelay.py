"""MM-FREEDELAY: memory that others may still read is queued with its goal."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

OFFLINE, FIRST, INCREMENT = 0, 1, 2
READER, COLLECTOR = "reader", "collector"
NOBODY = NOTHING = ""

type Item = tuple[str, int]  # ptr, qsbr_goal


class FreeDelayed(Mechanism):
    """Each thread keeps a queue of pointers to free, with the goal after which nobody can read them.

    Most goals are only what the write sequence will be next; it is advanced for one item out of so
    many, and by the collector. At the eval breaker a thread frees from the front of its own queue up
    to the first goal that is not reached, then does the same to the interpreter's queue, if it gets
    its lock at once. A thread that ends gives what it still has to the interpreter's queue. When
    there is no memory for a queue entry, or when the world is stopped, memory is freed at once.

    Simplified: the goals rest on MM-QSBR, which is taken to be right, a poll being one step. Chunks
    hold any number of items. The world stops when nobody is attached. One thread retires, one reads.
    """

    name = "mm-freedelay"
    title = "Delayed free"
    status = Status.CURRENT
    sources = ("Objects/obmalloc.c", "Include/internal/pycore_pymem.h")
    sizes = {"owners": 2, "items": 1, "limit": 2}
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "frees-at-once": "The memory is freed when it is unlinked.",
        "exit-drops-queue": "A thread that ends drops what is in its queue.",
        "exit-frees-queue": "A thread that ends frees what is in its queue.",
        "splice-without-lock": "The queue of a thread that ends is appended without the lock.",
        "destructor-reenters": "Freeing runs a destructor, which frees from the same place again.",
        "frees-unstopped": "Without memory for an entry, it frees without stopping the world.",
        "collector-forgets-advance": "The collector does not advance the write sequence.",
    }

    def setup(self) -> None:
        """`cell` has each owner's pointer to its present memory."""
        owners = [f"owner{number}" for number in range(1, self.numbers["owners"] + 1)]
        self.wr_seq = FIRST
        self.seq = dict.fromkeys((*owners, READER, COLLECTOR), OFFLINE)
        self.cell = {owner: f"0 of {owner}" for owner in owners}
        self.raw = NOTHING  # what the reader has in its hands
        self.queue: dict[str, tuple[Item, ...]] = dict.fromkeys(owners, ())
        self.shared: list[Item] = []  # the interpreter's
        self.mutex = NOBODY
        self.deferred = 0
        self.no_memory = False
        self.stopped = False
        self.alive = {*owners, READER}
        self.freed: list[str] = []

    def threads(self) -> dict[str, Steps]:
        """Who retires, who reads, and a collection in the end."""
        owners = {owner: self.owner(owner) for owner in self.queue}
        return owners | {READER: self.reader(), COLLECTOR: self.collector()}

    def services(self) -> dict[str, Steps]:
        """Memory may run out, once."""
        return {"memory": self.shortage()}

    def shortage(self) -> Steps:
        """There is none for a new chunk."""
        yield Step("memory runs out", until=lambda: READER in self.alive)
        self.no_memory = True

    def owner(self, me: str) -> Steps:
        """Replaces the memory, each time retiring the old one, and ends."""
        yield from self.attach(me)
        for number in range(1, self.numbers["items"] + 1):
            yield "store the pointer to new memory"
            old, self.cell[me] = self.cell[me], f"{number} of {me}"
            yield from self.free_delayed(me, old)
        yield from self.eval_breaker(me)
        yield from self.abandon(me)
        yield "_Py_qsbr_detach"
        self.seq[me] = OFFLINE
        self.alive.remove(me)

    def reader(self) -> Steps:
        """Reads without a lock; then helps with the interpreter's queue."""
        yield from self.attach(READER)
        yield "load the pointer"
        self.raw = self.cell["owner1"]
        yield "read through it"
        self.raw = NOTHING
        yield from self.eval_breaker(READER)
        yield "_Py_qsbr_detach"
        self.seq[READER] = OFFLINE
        self.alive.remove(READER)

    def collector(self) -> Steps:
        """process_delayed_frees, when the others are gone."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.alive)
        if not self.has("collector-forgets-advance"):
            yield "process_delayed_frees: _Py_qsbr_advance"
            self.wr_seq += INCREMENT
        self.seq[COLLECTOR] = self.wr_seq
        yield from self.process_interp_queue(COLLECTOR)

    def attach(self, me: str) -> Steps:
        """Attach, unless the world is stopped."""
        yield Step("_Py_qsbr_attach", until=lambda: not self.stopped)
        self.seq[me] = self.wr_seq

    def free_delayed(self, me: str, pointer: str) -> Steps:
        """_PyMem_FreeDelayed."""
        if self.has("frees-at-once"):
            yield "free"
            self.free(pointer)
            return
        yield "free_delayed: allocate a chunk"
        if self.no_memory:
            yield from self.free_stopped(me, pointer)
            return
        yield "free_delayed: take a goal, append"
        self.deferred += 1
        if self.deferred == self.numbers["limit"]:
            self.deferred = 0
            self.wr_seq += INCREMENT
            self.queue[me] += ((pointer, self.wr_seq),)
        else:
            self.queue[me] += ((pointer, self.wr_seq + INCREMENT),)

    def free_stopped(self, me: str, pointer: str) -> Steps:
        """Free at once, with nobody else attached."""
        if not self.has("frees-unstopped"):
            yield "_PyEval_StopTheWorld: request, detach"
            self.seq[me] = OFFLINE
            yield Step("_PyEval_StopTheWorld", until=lambda: not self.stopped and self.alone())
            self.stopped = True
            self.seq[me] = self.wr_seq
        yield "free_work_item, _PyEval_StartTheWorld"
        self.free(pointer)
        self.stopped = False

    def eval_breaker(self, me: str) -> Steps:
        """Report, then _PyMem_ProcessDelayed."""
        yield "_Py_qsbr_quiescent_state"
        self.seq[me] = self.wr_seq
        if me != READER:
            yield from self.process_own_queue(me)
        yield "maybe_process_interp_queue: load has_work, try to lock"
        if self.shared and self.mutex == NOBODY:
            self.mutex = me
            yield from self.process_interp_queue(me)

    def process_own_queue(self, me: str) -> Steps:
        """process_queue of the thread's own."""
        while self.queue[me]:
            yield "process_queue: _Py_qsbr_poll, free_work_item"
            pointer, goal = self.queue[me][0]
            if not self.reached(goal):
                break
            self.free(pointer)
            if self.has("destructor-reenters"):
                yield "destructor: process_queue, free_work_item"
                self.free(pointer)
            yield "process_queue: rd_idx++"
            self.queue[me] = self.queue[me][1:]

    def process_interp_queue(self, me: str) -> Steps:
        """process_interp_queue, with the lock; unlocks."""
        while self.shared:
            yield "process_interp_queue: _Py_qsbr_poll, free_work_item"
            pointer, goal = self.shared[0]
            if not self.reached(goal):
                break
            self.free(pointer)
            yield "process_interp_queue: rd_idx++"
            self.shared = self.shared[1:]
        yield "process_interp_queue: unlock"
        self.mutex = NOBODY if self.mutex == me else self.mutex

    def abandon(self, me: str) -> Steps:
        """_PyMem_AbandonDelayed."""
        if not self.queue[me]:
            return
        if self.has("exit-frees-queue") or self.has("exit-drops-queue"):
            yield "free the chunks"
            for pointer, _ in self.queue[me] if self.has("exit-frees-queue") else ():
                self.free(pointer)
        elif self.has("splice-without-lock"):
            yield "llist_concat: load the tail"
            seen = tuple(self.shared)
            yield "llist_concat: store"
            self.shared = [*seen, *self.queue[me]]
        else:
            yield Step("_PyMem_AbandonDelayed: lock, concat", until=lambda: self.mutex == NOBODY)
            self.mutex = me
            self.shared.extend(self.queue[me])
            self.queue[me] = ()
            yield from self.process_interp_queue(me)
        self.queue[me] = ()

    def alone(self) -> bool:
        """Whether nobody is attached."""
        return not any(self.seq.values())

    def reached(self, goal: int) -> bool:
        """_Py_qsbr_poll."""
        return goal <= min(self.wr_seq, *(seq for seq in self.seq.values() if seq))

    def free(self, pointer: str) -> None:
        """free_work_item."""
        self.require(pointer not in self.freed, "I2", "memory was freed twice")
        self.freed.append(pointer)

    @safety("I1", "nobody has a raw pointer to memory that was freed")
    def no_pointer_is_left(self) -> bool:
        return self.raw == NOTHING or self.raw not in self.freed

    @liveness("L1", "after a collection, all that was retired is freed")
    def all_is_freed(self) -> bool:
        return len(self.freed) == self.numbers["items"] * self.numbers["owners"]

    @liveness("I3", "at rest nothing is queued and the lock is free")
    def nothing_is_left(self) -> bool:
        return not any(self.queue.values()) and not self.shared and self.mutex == NOBODY
