"""IN-EXTCACHE: extension modules that all interpreters share what they know of."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY, NULL = "", ""
SPECIAL = "detached thread state"


class ExtensionsCache(Mechanism):
    """What was found out about an extension module is kept once for the whole runtime, by its name.

    The table is one of raw memory with a mutex of its own; keys are C strings, values are no objects.
    It once was a dict of the main interpreter: others came by it by swapping to a thread state that
    was kept for this, which two threads of interpreters with own GILs can be on at once. Get, set and
    delete hold the mutex for work on the table only. Who has got a value holds it until it is done,
    and who deletes an entry leaves the value to the last holder. The table ends with the runtime.

    Simplified: one module; values have a count of holders. 3.13 has none: a value that was got is
    used after the mutex is released (the defect "uses-after-unlock"), which is right as long as
    nobody deletes it.
    """

    name = "in-extcache"
    title = "Shared cache of extension modules"
    status = Status.CURRENT
    sources = ("Python/import.c", "gh-106092")
    sizes = {"interpreters": 2}
    stuck = ("L1", "the mutex is given back")
    defects = {
        "special-thread-state": "The cache is entered by swapping to one kept thread state.",
        "objects-in-table": "A value refers to an object of the interpreter that has set it.",
        "uses-after-unlock": "A value that was got is used with no hold on it.",
        "freed-by-first": "The first interpreter to end destroys the table.",
        "sets-without-look": "Setting does not look whether another has set the value meanwhile.",
    }

    def setup(self) -> None:
        """An empty table. Values are named after who has made them; `holds` counts their holders."""
        self.table = NULL
        self.destroyed = False
        self.mutex = NOBODY
        self.on_special: set[str] = set()
        self.holds: dict[str, int] = {}
        self.freed: set[str] = set()
        self.names = tuple(f"interp{n}" for n in range(1, self.numbers["interpreters"] + 1))
        self.running = set(self.names)

    def threads(self) -> dict[str, Steps]:
        """Each interpreter imports the module; the first deletes it again; the runtime ends."""
        return {name: self.interpreter(name) for name in self.names} | {"runtime": self.runtime()}

    def interpreter(self, me: str) -> Steps:
        """import_find_extension, or import_run_extension; and Py_EndInterpreter."""
        value = yield from self.get(me)
        if value == NULL:
            value = yield from self.set(me)
        yield "reload_singlephase_extension: use the value"
        self.use(value)
        yield from self.release(me, value)
        if me == self.names[0]:
            yield from self.delete(me)
        yield "Py_EndInterpreter"
        self.running.discard(me)
        if self.has("freed-by-first"):
            self.destroyed = True

    def runtime(self) -> Steps:
        """_PyImport_Fini."""
        yield Step("Py_FinalizeEx: no interpreter is left", lambda: not self.running)
        self.free(self.table)
        self.table = NULL
        self.destroyed = True

    def acquire(self, me: str) -> Steps:
        """The way into the cache."""
        if self.has("special-thread-state"):
            yield "PyThreadState_Swap: to the kept thread state"
            self.on_special.add(me)
        else:
            yield Step("extensions_lock_acquire", lambda: self.mutex == NOBODY)
            self.mutex = me
        self.require(not self.destroyed, "I4", "the table is there while an interpreter runs")

    def leave(self, me: str) -> None:
        """The way out."""
        self.on_special.discard(me)
        if self.mutex == me:
            self.mutex = NOBODY

    def get(self, me: str) -> Steps[str]:
        """_extensions_cache_get."""
        yield from self.acquire(me)
        yield "_extensions_cache_get: look up, unlock"
        value = self.table
        self.hold(value)
        self.leave(me)
        return value

    def set(self, me: str) -> Steps[str]:
        """_extensions_cache_set, after the module's function has run."""
        yield from self.acquire(me)
        yield "_extensions_cache_set: look up, insert, unlock"
        if self.table == NULL or self.has("sets-without-look"):
            self.table = f"value of {me}"
            self.holds[self.table] = 1  # the table's own
        value = self.table
        self.hold(value)
        self.leave(me)
        return value

    def delete(self, me: str) -> Steps:
        """_extensions_cache_delete."""
        yield from self.acquire(me)
        yield "_extensions_cache_delete: clear the entry, unlock"
        self.free(self.table)
        self.table = NULL
        self.leave(me)

    def hold(self, value: str) -> None:
        """Whoever has got a value keeps it from being freed."""
        if value != NULL and not self.has("uses-after-unlock"):
            self.holds[value] += 1

    def release(self, me: str, value: str) -> Steps:
        """The value is not needed any more."""
        if not self.has("uses-after-unlock"):
            yield from self.acquire(me)
            yield "release the value, unlock"
            self.free(value)
            self.leave(me)

    def free(self, value: str) -> None:
        """A hold is given back; the last one frees."""
        if value != NULL:
            self.holds[value] -= 1
            if self.holds[value] == 0:
                self.freed.add(value)

    def use(self, value: str) -> None:
        """The value is read with no lock."""
        self.require(value not in self.freed, "I3", "a value lives as long as somebody reads it")
        maker = value.removeprefix("value of ")
        alive = maker in self.running or not self.has("objects-in-table")
        self.require(alive, "I1", "nothing in the table belongs to an interpreter")

    @safety("I2", "a thread state is used by one thread at a time")
    def one_thread(self) -> bool:
        return len(self.on_special) <= 1

    @liveness("I5", "at the end every value has been freed")
    def all_freed(self) -> bool:
        return self.freed == set(self.holds)
