"""MM-OBMALLOC: arenas of an interpreter's own, or shared with the main one."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

MAIN, SHARER, ISOLATED = "main", "sharer", "isolated"
NONE = ""
SHARED_STATE, OWN_STATE = "shared", "own"


class Obmalloc(Mechanism):
    """Blocks come from arenas that belong to one interpreter, or to all that share the main one's.

    An isolated interpreter has an allocator state on the heap; the others use a static one. When an
    isolated interpreter ends it counts the blocks that are still in use: if there are none, it frees
    arenas and state. If some are, they are left alone for good, since they were leaked to somebody
    who may yet read them. The shared state is freed only when the main interpreter, the last one,
    ends.

    Simplified: each state is one free list of two blocks, and using it is a load and a store, for
    each interpreter holds its lock. The sharer runs under the main interpreter's lock. The isolated
    interpreter hands a block to the main one, which gives it back by asking its owner.
    """

    name = "mm-obmalloc"
    title = "Allocator state of an interpreter"
    status = Status.GIL_ONLY
    sources = ("Objects/obmalloc.c", "Python/pystate.c", "PEP 684")
    sizes = {"blocks": 2}
    stuck = ("L1", "every interpreter ends")
    defects = {
        "frees-by-current": "A block is freed into the state of the interpreter that runs.",
        "sharer-frees-arenas": "An interpreter that shares the main one's state frees its arenas.",
        "frees-leaked-arenas": "The arenas are freed although blocks are in use elsewhere.",
        "isolated-shares": "An isolated interpreter uses the shared state, under a lock of its own.",
    }

    def setup(self) -> None:
        """Blocks are named by the state that they come from."""
        numbers = range(1, self.numbers["blocks"] + 1)
        states = (SHARED_STATE, OWN_STATE)
        self.free = {state: tuple(f"{state}{number}" for number in numbers) for state in states}
        self.alive = {SHARED_STATE, OWN_STATE}
        self.gil = {MAIN: NONE, ISOLATED: NONE}  # the sharer takes the main one's
        self.used: dict[str, str] = {}  # block: interpreter
        self.gift = NONE
        self.ended: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """An interpreter each."""
        return {MAIN: self.main(), SHARER: self.sharer(), ISOLATED: self.isolated()}

    def main(self) -> Steps:
        """Uses memory, reads what the isolated interpreter gave it, and ends last."""
        yield from self.take(MAIN)
        block = yield from self.malloc(MAIN)
        yield from self.free_block(MAIN, block)
        self.gil[MAIN] = NONE
        yield Step("take the block", until=lambda: self.gift or ISOLATED in self.ended)
        if self.gift:
            gift = self.gift
            yield "read the block"
            self.require(self.state_of(gift) in self.alive, "I3", "a block in use lost its arena")
            yield Step("take the GIL", until=lambda: self.gil_of(self.freer()) == NONE)
            self.take_gil(self.freer())
            yield from self.free_block(self.freer(), gift)
            self.drop_gil(self.freer())
            self.gift = NONE
        yield Step("Py_FinalizeEx", until=lambda: {SHARER, ISOLATED} <= self.ended)
        self.alive.discard(SHARED_STATE)
        self.ended.add(MAIN)

    def freer(self) -> str:
        """By whom the gift is freed: the interpreter that it belongs to."""
        return MAIN if self.has("frees-by-current") else ISOLATED

    def sharer(self) -> Steps:
        """A subinterpreter that shares the main one's state."""
        yield from self.take(SHARER)
        block = yield from self.malloc(SHARER)
        yield from self.free_block(SHARER, block)
        yield "interpreter_clear: free_obmalloc_arenas?"
        if self.has("sharer-frees-arenas"):
            self.alive.discard(SHARED_STATE)
        self.gil[MAIN] = NONE
        self.ended.add(SHARER)

    def isolated(self) -> Steps:
        """A subinterpreter with a state of its own, which gives a block away."""
        yield from self.take(ISOLATED)
        own = yield from self.malloc(ISOLATED)
        gift = yield from self.malloc(ISOLATED)
        self.gift = gift
        yield from self.free_block(ISOLATED, own)
        yield "_PyInterpreterState_FinalizeAllocatedBlocks: count blocks"
        leaked = any(owner == ISOLATED for owner in self.used.values())
        yield "free_obmalloc_arenas, _PyMem_RawFree"
        if not leaked or self.has("frees-leaked-arenas"):
            self.alive.discard(OWN_STATE)
        self.gil[ISOLATED] = NONE
        self.ended.add(ISOLATED)

    def take(self, me: str) -> Steps:
        """Take the interpreter's lock."""
        yield Step("take the GIL", until=lambda: self.gil_of(me) == NONE)
        self.take_gil(me)

    def gil_of(self, me: str) -> str:
        """Who has the lock that `me` needs."""
        return self.gil[ISOLATED if me == ISOLATED else MAIN]

    def take_gil(self, me: str) -> None:
        """The lock is free; now it is not."""
        self.gil[ISOLATED if me == ISOLATED else MAIN] = me

    def drop_gil(self, me: str) -> None:
        """Let go of the lock."""
        self.gil[ISOLATED if me == ISOLATED else MAIN] = NONE

    def state(self, me: str) -> str:
        """interp->obmalloc."""
        own = me == ISOLATED and not self.has("isolated-shares")
        return OWN_STATE if own else SHARED_STATE

    def state_of(self, block: str) -> str:
        """The state that a block comes from."""
        return OWN_STATE if block.startswith(OWN_STATE) else SHARED_STATE

    def malloc(self, me: str) -> Steps[str]:
        """pymalloc_alloc."""
        state = self.state(me)
        yield "pymalloc_alloc: load freeblock"
        self.touch(state)
        seen = self.free[state]
        yield "pymalloc_alloc: store freeblock"
        self.touch(state)
        self.free[state] = seen[1:]
        block = seen[0] if seen else NONE
        self.require(block not in self.used, "I4", "a block is handed out once")
        if block:
            self.used[block] = me
        return block

    def free_block(self, me: str, block: str) -> Steps:
        """pymalloc_free."""
        if not block:
            return
        state = self.state(me)
        yield "pymalloc_free: load freeblock"
        self.touch(state)
        seen = self.free[state]
        yield "pymalloc_free: store freeblock"
        self.touch(state)
        self.free[state] = (block, *seen)
        del self.used[block]

    def touch(self, state: str) -> None:
        """An allocator state is used."""
        self.require(state in self.alive, "I2", "an allocator state is used after it was freed")

    @safety("I1", "a block is freed into the state that it came from")
    def blocks_go_home(self) -> bool:
        return all(each.startswith(state) for state in self.free for each in self.free[state])

    @safety("I3", "a state outlives its blocks")
    def blocks_have_arenas(self) -> bool:
        return all(self.state_of(block) in self.alive for block in self.used)

    @liveness("L1", "at rest no block is in use")
    def all_is_returned(self) -> bool:
        return not self.used
