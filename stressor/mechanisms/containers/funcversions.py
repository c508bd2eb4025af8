"""CC-FUNCVER: the version numbers of functions and code objects, and the cache by version."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY, DROPPED = "", 0
EXHAUSTED = 0


class FunctionVersions(Mechanism):
    """A version stands for a behaviour: what was specialised for it may be used while it is the same.

    One counter per interpreter gives them out, under a mutex: load, and store the next one unless the
    counter is 0, which means that all are used up. A new function is filed in a small cache under its
    version, where a specialiser finds it. The specialiser gets a strong reference, under the same
    mutex, and only if the function is still of that version; 0 is nobody's version.

    Simplified: the counter ends at `limit` and not at 2**32; the cache is as in a build with a GIL,
    guarded by the mutex (3.13t has none: its lookup by version always fails); a function's version
    is its code's; the caches have no collisions.
    """

    name = "cc-funcver"
    title = "Function and code version counter"
    status = Status.CURRENT
    sources = ("Objects/codeobject.c", "Objects/funcobject.c")
    sizes = {"limit": 2, "functions": 2}
    stuck = ("L1", "the mutex is given back")
    defects = {
        "two-counters": "Code objects and functions draw versions from two counters.",
        "unlocked-increment": "The counter is read and stored without the mutex.",
        "wraps": "After the last version the counter goes on with 0 and 1.",
        "zero-matches": "A specialiser takes 0 for a version that it may look up.",
        "borrowed-function": "The cache is read with no mutex, and the function counted up later.",
    }

    def setup(self) -> None:
        """No function yet. A function is numbered by creator and round; 0 in `counts` is dead."""
        self.next_version = 1
        self.next_function_version = 1  # used by a defect only
        self.mutex = NOBODY
        self.versions: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.cache: dict[int, str] = {}

    def threads(self) -> dict[str, Steps]:
        """Two make functions, and one specialises a call of the first version, and of 0."""
        return {
            "code": self.maker("code"),
            "exec": self.maker("exec"),
            "specializer": self.specializer(),
        }

    def maker(self, me: str) -> Steps:
        """Functions are made, filed and, the last but one by `exec`, dropped."""
        for number in range(self.numbers["functions"]):
            function = f"{me}{number}"
            version = yield from self.draw(me)
            yield Step("_PyFunction_SetVersion: fill cache", lambda: self.mutex == NOBODY)
            self.versions[function] = version
            self.counts[function] = 1
            if version != EXHAUSTED or self.has("zero-matches"):
                self.cache[version] = function
            if me == "exec" and number == 0:
                yield Step("func_dealloc", lambda: self.mutex == NOBODY)
                self.drop(function)

    def draw(self, me: str) -> Steps[int]:
        """A new version, or 0."""
        second = me == "exec" and self.has("two-counters")
        if self.has("unlocked-increment"):
            yield "init_code: load next_version"
        else:
            yield Step("PyMutex_Lock(func_state.mutex)", lambda: self.mutex == NOBODY)
            self.mutex = me
            yield "init_code: load next_version"
        version = self.next_function_version if second else self.next_version
        if version != EXHAUSTED or self.has("wraps"):
            yield "init_code: store next_version"
            following = (version + 1) % (self.numbers["limit"] + 1)
            if second:
                self.next_function_version = following
            else:
                self.next_version = following
        if self.mutex == me:
            yield "PyMutex_Unlock(func_state.mutex)"
            self.mutex = NOBODY
        return version

    def specializer(self) -> Steps:
        """Looks functions up by the versions that calls have seen."""
        for version in (1, EXHAUSTED):
            if version == EXHAUSTED and not self.has("zero-matches"):
                return
            yield Step("_PyFunction_LookupByVersion", lambda: self.mutex == NOBODY)
            function = self.cache.get(version, NOBODY)
            if function == NOBODY:
                continue
            if self.has("borrowed-function"):
                yield "Py_INCREF"
            self.require(self.counts[function] > 0, "I3", "a function from the cache is alive")
            self.require(version != EXHAUSTED, "I2", "0 is no version to specialise for")
            self.counts[function] += 1
            yield Step("func_dealloc", lambda: self.mutex == NOBODY)
            self.drop(function)

    def drop(self, function: str) -> None:
        """A reference is given back, under the mutex; who dies leaves the cache."""
        self.counts[function] -= 1
        if self.counts[function] == DROPPED and self.cache.get(self.versions[function]) == function:
            del self.cache[self.versions[function]]

    @safety("I1", "no two functions have the same version")
    def versions_differ(self) -> bool:
        drawn = [version for version in self.versions.values() if version != EXHAUSTED]
        return len(drawn) == len(set(drawn))

    @liveness("I4", "at rest the cache has living functions only")
    def cache_lives(self) -> bool:
        return all(self.counts[function] for function in self.cache.values())
