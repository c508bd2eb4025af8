"""MM-QSBR: memory is freed when every thread has been seen without a pointer to it."""

from stressor.mechanisms.base import Status, Step, Steps, liveness, safety
from stressor.mechanisms.buffers import Buffered, Order

WIDTH = 16  # sequence numbers are four bits, so that they come round
FIRST, INCREMENT, OFFLINE = 15, 2, 0
WRITER, READER, NEWCOMER = "writer", "reader", "newcomer"
NOBODY = NO_SLOT = ""


class Qsbr(Buffered):
    """Every attached thread says in a slot of its own which write sequence it has seen last.

    It does so when it attaches and at every check of the eval breaker, where it holds no raw pointer;
    0 says that it is detached. Who unlinks memory advances the write sequence, and the result is the
    memory's goal: once no slot is below it, nobody can have the pointer, and the memory is freed. The
    lowest slot found by a scan is kept as the read sequence, which answers most questions. A thread
    gets its slot in two moves, an index and then the binding, for the array of slots can grow, with
    the world stopped, in between.

    Simplified: one pointer, retired once; sequences are four bits wide and start before they come
    round. The world stops when nobody is attached. Pointers are read through after something was
    retired, for before that nothing can be wrong. Who goes to sleep with a goal that is not reached
    is woken when it is. The newcomer reserves its slot itself, and only goes through a lookup. With
    the size "breaks" readers may be earlier, and who reports itself is stopped there if asked to.
    """

    name = "mm-qsbr"
    title = "Quiescent-state reclamation"
    status = Status.CURRENT
    sources = ("Python/qsbr.c", "Include/internal/pycore_qsbr.h", "PEP 703")
    sizes = {"lookups": 1, "breaks": 0}
    order = Order.TSO
    stuck = ("L1", "once every thread has reported or detached, the goal is reached")
    defects = {
        "offline-is-oldest": "The slot of a detached thread counts as the oldest sequence.",
        "no-fence-at-attach": "The slot is stored without a fence before the first pointer is loaded.",
        "goal-before-unlink": "The goal is taken first, and the memory is unlinked afterwards.",
        "goal-against-write": "The goal is compared with the write sequence.",
        "reports-in-lookup": "A thread reports itself quiescent while it has a raw pointer.",
        "stale-slot-pointer": "Unregistering uses the slot pointer read before it had the mutex.",
        "grows-while-running": "The array of slots grows without stopping the world.",
        "wrap-unsafe": "Sequences are compared as plain numbers.",
    }

    def setup(self) -> None:
        """Two slots, both taken. Slots are named by their array (0, then 1) and index."""
        self.wr_seq = self.rd_seq = FIRST
        slots = {
            f"{array}.{index}": OFFLINE
            for array, size in enumerate((2, 3))
            for index in range(size)
        }
        self.share({"pointer": 1} | slots, {WRITER: (), READER: (), NEWCOMER: ()})
        self.array = 0
        self.free_slots: list[str] = []
        self.slot = {WRITER: "0.0", READER: "0.1", NEWCOMER: NO_SLOT}
        self.mutex = NOBODY
        self.stopped = self.stopping = False
        self.attached: set[str] = set()
        self.raw: set[str] = set()  # threads with the raw pointer in hand
        self.freed = False

    def threads(self) -> dict[str, Steps]:
        """One retires, one reads, one comes when there is no slot left."""
        return {WRITER: self.writer(), READER: self.reader(), NEWCOMER: self.newcomer()}

    def writer(self) -> Steps:
        """Unlinks, and frees when the goal is reached."""
        yield from self.attach(WRITER)
        if self.has("goal-before-unlink"):
            goal = yield from self.advance()
            yield from self.unlink()
        else:
            yield from self.unlink()
            goal = yield from self.advance()
        yield from self.report(WRITER)
        while not (yield from self.poll(goal)):
            yield from self.detach(WRITER)
            yield Step("sleep", until=lambda: self.within_reach(goal))
            yield from self.attach(WRITER)
        yield "free"
        self.freed = True
        yield from self.detach(WRITER)

    def reader(self) -> Steps:
        """Looks the pointer up, and leaves for good."""
        yield from self.attach(READER)
        for _ in range(self.numbers["lookups"]):
            yield from self.lookup(READER)
            yield from self.report(READER)
        yield from self.detach(READER)
        yield from self.unregister(READER)

    def newcomer(self) -> Steps:
        """Gets a slot, for which the array may have to grow, and looks the pointer up."""
        yield Step("_Py_qsbr_reserve: lock", until=lambda: self.mutex == NOBODY)
        self.mutex = NEWCOMER
        if not self.free_slots:
            yield from self.grow()
        yield "_Py_qsbr_reserve: take a slot, unlock"
        index = self.free_slots.pop()[-1]
        self.mutex = NOBODY
        yield "_Py_qsbr_register"
        self.slot[NEWCOMER] = f"{self.array}.{index}"
        yield from self.attach(NEWCOMER)
        yield from self.lookup(NEWCOMER)
        yield from self.detach(NEWCOMER)

    def grow(self) -> Steps:
        """grow_thread_array: a larger array, and the thread states' pointers into it."""
        if not self.has("grows-while-running"):
            if self.numbers["breaks"]:
                yield "_PyEval_StopTheWorld: request"
                self.stopping = True
            yield Step("_PyEval_StopTheWorld", until=lambda: not self.attached)
            self.stopped = True
        yield "grow_thread_array: copy"
        self.memory.update({f"1.{index}": self.memory[f"0.{index}"] for index in range(2)})
        yield "initialize_new_array, free the old one, _PyEval_StartTheWorld"
        self.array = 1
        self.free_slots = ["1.2"] + [f"1.{slot[-1]}" for slot in self.free_slots]
        for thread, slot in self.slot.items():
            self.slot[thread] = f"1.{slot[-1]}" if slot else NO_SLOT
        self.stopped = self.stopping = False

    def unregister(self, me: str) -> Steps:
        """_Py_qsbr_unregister."""
        stale = NO_SLOT
        if self.has("stale-slot-pointer"):
            yield "_Py_qsbr_unregister: load tstate->qsbr"
            stale = self.slot[me]
        yield Step("_Py_qsbr_unregister: lock, give back, unlock", until=lambda: not self.mutex)
        slot = stale or self.slot[me]
        self.check_slot(slot)
        self.slot[me] = NO_SLOT
        self.free_slots.append(slot)

    def attach(self, me: str) -> Steps:
        """_PyThreadState_Attach."""
        yield Step("tstate_try_attach", until=lambda: not self.stopped)
        self.attached.add(me)
        yield from self.copy_sequence(me, "_Py_qsbr_attach")
        if not self.has("no-fence-at-attach"):
            yield Step("_Py_qsbr_attach: the store is sequential", until=lambda: self.drained(me))

    def report(self, me: str) -> Steps:
        """_Py_qsbr_quiescent_state, at the eval breaker."""
        yield from self.copy_sequence(me, "_Py_qsbr_quiescent_state")
        if self.numbers["breaks"]:
            yield "_Py_HandlePending"
        if self.stopping and me not in self.raw:
            yield from self.detach(me)
            yield from self.attach(me)

    def copy_sequence(self, me: str, function: str) -> Steps:
        """Put the write sequence on its way to the thread's slot."""
        yield f"{function}: load wr_seq, store seq"
        self.check_slot(self.slot[me])
        self.store(me, self.slot[me], self.wr_seq)

    def detach(self, me: str) -> Steps:
        """_PyThreadState_Detach."""
        yield "_Py_qsbr_detach: store QSBR_OFFLINE"
        self.check_slot(self.slot[me])
        self.store(me, self.slot[me], OFFLINE)
        yield Step("tstate_set_detached", until=lambda: self.drained(me))
        self.attached.remove(me)

    def lookup(self, me: str) -> Steps:
        """Load the pointer and read what it points to."""
        yield "load the pointer"
        if not self.load(me, "pointer"):
            return
        self.raw.add(me)
        if self.has("reports-in-lookup"):
            yield from self.report(me)
        early = self.numbers["breaks"]
        yield Step("read through it", until=lambda: early or self.wr_seq != FIRST)
        self.raw.remove(me)

    def unlink(self) -> Steps:
        """From here on nobody can find the memory."""
        yield "unlink: store the pointer"
        self.store(WRITER, "pointer", 0)

    def advance(self) -> Steps[int]:
        """_Py_qsbr_advance; the goal."""
        yield Step("_Py_qsbr_advance: atomic add", until=lambda: self.drained(WRITER))
        self.wr_seq = (self.wr_seq + INCREMENT) % WIDTH
        return self.wr_seq

    def poll(self, goal: int) -> Steps[bool]:
        """_Py_qsbr_poll."""
        yield Step("_Py_qsbr_poll: load rd_seq", until=lambda: self.drained(WRITER))
        if not self.less(self.wr_seq if self.has("goal-against-write") else self.rd_seq, goal):
            return True
        lowest = self.load(WRITER, self.slot[WRITER])  # its own, never ahead of wr_seq
        for slot in tuple(each for each in self.slots() if each != self.slot[WRITER]):
            yield "qsbr_poll_scan: load seq of a slot"
            self.check_slot(slot)
            seen = self.memory[slot]
            if self.has("offline-is-oldest") and seen == OFFLINE:
                lowest = self.rd_seq
            elif seen != OFFLINE and self.less(seen, lowest):
                lowest = seen
        if self.less(self.rd_seq, lowest):
            self.rd_seq = lowest
        return not self.less(self.rd_seq, goal)

    def less(self, one: int, other: int) -> bool:
        """QSBR_LT: by the sign of the difference, so that numbers may come round."""
        return one < other if self.has("wrap-unsafe") else (one - other) % WIDTH >= WIDTH // 2

    def within_reach(self, goal: int) -> bool:
        """Whether a scan would find the goal reached."""
        slots = [self.memory[slot] for slot in self.slots()]
        if self.has("offline-is-oldest"):
            return OFFLINE not in slots
        return not any(seen != OFFLINE and self.less(seen, goal) for seen in slots)

    def slots(self) -> list[str]:
        """The slots of the present array."""
        return [name for name in self.memory if name[0] == str(self.array)]

    def check_slot(self, slot: str) -> None:
        """The slot is touched."""
        self.require(
            slot[0] == str(self.array), "I3", "a slot of an array that was freed is touched"
        )

    @safety("I1", "nobody has a raw pointer to memory that was freed")
    def no_pointer_is_left(self) -> bool:
        return not self.freed or not self.raw

    @safety("I2", "the read sequence is never ahead of the write sequence")
    def read_is_behind(self) -> bool:
        return (self.wr_seq - self.rd_seq) % WIDTH < WIDTH // 2

    @safety("I3", "a slot belongs to at most one thread state")
    def slots_are_private(self) -> bool:
        slots = [each for each in (*self.slot.values(), *self.free_slots) if each]
        return len(slots) == len(set(slots))

    @liveness("L1", "at rest the memory is freed")
    def is_freed(self) -> bool:
        return self.freed
