"""CC-REFCHAIN: a table of all objects there are, for builds that trace references."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

ADDRESSES = ("p", "q", "r")
MAIN, LEGACY = "main", "legacy"


class RefChain(Mechanism):
    """Interpreters keep a table of the addresses of all their objects, to dump what is never freed.

    An object is inserted when it is made. It is taken out before its memory is freed, since another
    thread may get that address at once; if its finalizer revives it, it is inserted again. A legacy
    subinterpreter shares allocator, GIL and objects with the main interpreter, and therefore also
    the table. At the end what is left is dumped, and only then is the table destroyed. Inserting is
    more than one store; the GIL keeps the table whole.

    Simplified: the table is a set of addresses; three addresses; the GIL is let go after every change
    of the table, and a step with a plain name is one that needs it.
    """

    name = "cc-refchain"
    title = "Table of all objects (trace-refs builds)"
    status = Status.CURRENT
    sources = ("Objects/object.c (Py_TRACE_REFS)",)
    sizes = {"objects": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "forgets-after-free": "An object is taken out of the table when its memory is free already.",
        "unlocked-insert": "An insertion is a load and a store, with the GIL let go between.",
        "destroyed-before-dump": "The table is destroyed before what is left in it is dumped.",
        "table-of-its-own": "A legacy subinterpreter has a table, but not the objects, of its own.",
        "revived-not-inserted": "An object that its finalizer revives is not inserted again.",
    }

    def setup(self) -> None:
        """No object. `live` are those that were made and not freed."""
        self.free = list(ADDRESSES)
        self.live: set[str] = set()
        self.tables: dict[str, frozenset[str]] = {MAIN: frozenset(), LEGACY: frozenset()}
        self.destroyed = False
        self.handed: list[str] = []  # made in the main interpreter, for the legacy one to drop
        self.left: tuple[str, ...] = ADDRESSES  # what the dump said
        self.running = {MAIN, LEGACY}

    def threads(self) -> dict[str, Steps]:
        """A thread in each interpreter, and the end of the runtime."""
        return {MAIN: self.main(), LEGACY: self.legacy(), "fini": self.finalizer()}

    def main(self) -> Steps:
        """Makes an object for the other interpreter, and some that it drops itself."""
        address = yield from self.make(MAIN)
        self.handed.append(address)
        for _ in range(self.numbers["objects"]):
            address = yield from self.make(MAIN)
            yield from self.drop(MAIN, address)
        self.running.remove(MAIN)

    def legacy(self) -> Steps:
        """Drops an object that main has made, and makes one that its finalizer revives."""
        yield Step("an object comes from main", lambda: self.handed)
        yield from self.drop(LEGACY, self.handed.pop())
        address = yield from self.make(LEGACY)
        yield from self.forget(LEGACY, address)
        yield "PyObject_CallFinalizerFromDealloc: revived"
        if not self.has("revived-not-inserted"):
            yield from self.insert("_Py_ResurrectReference", LEGACY, address)
        self.live.add(address)
        self.running.remove(LEGACY)

    def finalizer(self) -> Steps:
        """Py_FinalizeEx."""
        yield Step("wait for all threads", lambda: not self.running)
        if self.has("destroyed-before-dump"):
            yield "refchain_fini"
            self.destroyed = True
        yield "_Py_PrintReferences"
        self.require(not self.destroyed, "I3", "the table is dumped before it is destroyed")
        self.left = tuple(sorted(self.tables[MAIN]))
        yield "refchain_fini"
        self.destroyed = True

    def table(self, me: str) -> str:
        """Whose table an interpreter uses."""
        return me if self.has("table-of-its-own") else MAIN

    def make(self, me: str) -> Steps[str]:
        """A new object; its address."""
        yield Step("PyObject_Malloc", lambda: self.free)
        address = self.free.pop(0)
        known = any(address in table for table in self.tables.values())
        self.require(not known, "I2", "an address has left the table before it is used again")
        yield from self.insert("_Py_NewReference", me, address)
        self.live.add(address)
        return address

    def insert(self, function: str, me: str, address: str) -> Steps:
        """_PyRefchain_Trace."""
        table = self.table(me)
        if self.has("unlocked-insert"):
            yield f"{function}: load bucket"
            known = self.tables[table]
            yield f"{function}: store bucket"
            self.tables[table] = known | {address}
        else:
            yield f"{function}: _Py_hashtable_set"
            self.tables[table] |= {address}

    def forget(self, me: str, address: str) -> Steps:
        """_PyRefchain_Remove."""
        yield "_Py_ForgetReference: _Py_hashtable_steal"
        self.tables[self.table(me)] -= {address}
        self.live.discard(address)

    def drop(self, me: str, address: str) -> Steps:
        """_Py_Dealloc."""
        if not self.has("forgets-after-free"):
            yield from self.forget(me, address)
        yield "PyObject_Free"
        self.live.discard(address)
        self.free.insert(0, address)
        if self.has("forgets-after-free"):
            yield from self.forget(me, address)

    @safety("I1", "every object that lives is in the table")
    def all_are_traced(self) -> bool:
        traced = self.tables[MAIN] | self.tables[LEGACY]
        return self.live <= traced

    @liveness("I4", "the dump has what lives at the end, and nothing else")
    def dump_is_right(self) -> bool:
        return self.left == tuple(sorted(self.live))
