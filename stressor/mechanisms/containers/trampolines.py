"""CC-TRAMP: how many arguments a C function takes, counted once per address."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NOBODY, EMPTY = "", ""
UNKNOWN, RELOADED = -1, 3


class TrampolineCache(Mechanism):
    """Counting a function's parameters is slow, so the count is kept in a table by its address.

    A call looks its function up with no lock: table, key, value. On a miss it counts, takes a lock,
    looks again and inserts: the value first, the key by which readers find it last. A full table is
    replaced by a larger one, and the old one is kept until no reader is within any. A library that is
    unloaded takes its functions out, since what is loaded next may get their addresses.

    Simplified: all keys of a table are looked at in one step; an unloaded library is not called any
    more. CPython has this on wasm only, in JavaScript and with one thread per table, and takes
    nothing out; this is what such a cache takes with threads.
    """

    name = "cc-tramp"
    title = "Memo cache of argument counts"
    status = Status.MODEL
    sources = ("Python/emscripten_trampoline.c",)
    sizes = {"threads": 2}
    stuck = ("L1", "every call gets a count")
    defects = {
        "unlocked-insert": "A free slot is chosen and filled without the lock.",
        "key-before-value": "The key is stored before the value that belongs to it.",
        "frees-table-at-once": "A table that was replaced is freed with readers within.",
        "keeps-unloaded": "Unloading a library leaves its functions in the table.",
        "forgets-old-slots": "The larger table begins empty, and one slot is lost with the old one.",
    }

    def setup(self) -> None:
        """A table of one slot, which is free. Functions take 1 and 2 arguments."""
        self.tables: dict[int, tuple[tuple[str, int], ...]] = {1: ((EMPTY, UNKNOWN),)}
        self.current = 1
        self.arity = {"f": 1, "g": 2}  # what counting gives now
        self.lock = NOBODY
        self.inside: set[str] = set()  # readers within a table
        self.retired: set[int] = set()
        self.freed: set[int] = set()
        self.inserted: set[str] = set()
        self.callers = set(self.names())

    def names(self) -> tuple[str, ...]:
        """The callers."""
        return tuple(f"T{number}" for number in range(1, self.numbers["threads"] + 1))

    def threads(self) -> dict[str, Steps]:
        """Callers of f and g, and one that unloads f's library and calls what is there then."""
        calls = {
            name: self.caller(name, "f" if number % 2 == 0 else "g")
            for number, name in enumerate(self.names())
        }
        return calls | {"loader": self.loader()}

    def services(self) -> dict[str, Steps]:
        """Old tables are freed."""
        return {"reclaim": self.reclaim()}

    def reclaim(self) -> Steps:
        """Frees replaced tables once nobody is within any."""
        while True:
            yield Step("free old tables", lambda: self.retired and not self.inside)
            self.freed |= self.retired
            self.retired.clear()

    def caller(self, me: str, first: str) -> Steps:
        """Calls both functions."""
        for function in ("f", "g") if first == "f" else ("g", "f"):
            yield from self.call(me, function)
        self.callers.remove(me)

    def loader(self) -> Steps:
        """Loads another library: another function gets the address of f."""
        yield Step("dlclose: all calls have ended", lambda: not self.callers)
        if not self.has("keeps-unloaded"):
            yield Step("with the lock: clear the slot", lambda: self.lock == NOBODY)
            self.tables[self.current] = tuple(
                pair if pair[0] != "f" else (EMPTY, UNKNOWN) for pair in self.slots()
            )
            self.inserted.discard("f")
        yield "dlopen"
        self.arity["f"] = RELOADED
        yield from self.call("loader", "f")

    def call(self, me: str, function: str) -> Steps:
        """_PyEM_TrampolineCall_Reflection."""
        count = yield from self.lookup(me, function)
        if count is None:
            yield "Module.PyEM_CountArgs"
            count = self.arity[function]
            yield from self.insert(me, function, count)
        self.require(count == self.arity[function], "I1", "the count is the function's own")

    def lookup(self, me: str, function: str) -> Steps[int | None]:
        """cache.get; the count, or None."""
        yield "cache.get: load table"
        self.inside.add(me)
        table = self.current
        yield "cache.get: load keys"
        slot = self.find(table, function)
        if slot < 0:
            self.inside.remove(me)
            return None
        yield "cache.get: load value"
        self.touch(table)
        self.inside.remove(me)
        return self.tables[table][slot][1]

    def insert(self, me: str, function: str, count: int) -> Steps:
        """cache.set."""
        if not self.has("unlocked-insert"):
            yield Step("cache.set: lock", lambda: self.lock == NOBODY)
            self.lock = me
        yield "cache.set: look again, choose a slot"
        if self.find(self.current, function) < 0:
            if self.find(self.current, EMPTY) < 0:
                yield from self.grow()
            slot = self.find(self.current, EMPTY)
            if self.has("key-before-value"):
                yield "cache.set: store key"
                self.put(slot, (function, self.slots()[slot][1]))
                yield "cache.set: store value"
                self.put(slot, (function, count))
            else:
                yield "cache.set: store value"
                self.put(slot, (self.slots()[slot][0], count))
                yield "cache.set: store key"
                self.put(slot, (function, self.slots()[slot][1]))
            self.inserted.add(function)
        if self.lock == me:
            yield "cache.set: unlock"
            self.lock = NOBODY

    def grow(self) -> Steps:
        """A table of twice the size takes the place of the full one."""
        yield "cache.set: publish larger table"
        old = self.current
        copied = () if self.has("forgets-old-slots") else self.tables[old]
        fresh = ((EMPTY, UNKNOWN),) * (2 * len(self.tables[old]) - len(copied))
        self.current = old + 1
        self.tables[self.current] = (*copied, *fresh)
        (self.freed if self.has("frees-table-at-once") else self.retired).add(old)

    def slots(self) -> tuple[tuple[str, int], ...]:
        """The current table."""
        return self.tables[self.current]

    def put(self, slot: int, pair: tuple[str, int]) -> None:
        """Store to a slot of the current table."""
        slots = self.slots()
        self.tables[self.current] = (*slots[:slot], pair, *slots[slot + 1 :])

    def find(self, table: int, key: str) -> int:
        """The slot that has the key, or -1."""
        self.touch(table)
        return next((n for n, pair in enumerate(self.tables[table]) if pair[0] == key), -1)

    def touch(self, table: int) -> None:
        """A table's memory is read."""
        self.require(table not in self.freed, "I2", "a table that is being read is not freed")

    @safety("I3", "what was inserted is in the table, once")
    def nothing_is_lost(self) -> bool:
        keys = [key for key, _ in self.slots() if key != EMPTY]
        return self.inserted <= set(keys) and len(keys) == len(set(keys))
