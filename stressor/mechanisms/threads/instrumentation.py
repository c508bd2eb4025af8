"""TS-INSTR: the version of the instrumentation, and each thread's copy of it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

MAIN, NEW = "main", "new thread"
UNLOCKED = ""


class InstrumentationVersion(Mechanism):
    """Code is instrumented again when it starts to run and its version is not the thread's.

    The interpreter has a version of what is to be instrumented; each thread has a copy in its eval
    breaker, each code object the version that its instructions were made for. RESUME compares code
    and copy; where they differ the code is locked, made anew for the *interpreter's* version, and
    RESUME starts over. So copies must never differ from the interpreter's version while code runs:
    the version is changed with the world stopped, in all places at once. Clearing the interpreter
    resets both, for finalizers still run code afterwards.

    Simplified: one code object; a thread can only be stopped between two runs of it; instructions
    are the number that they were made for.
    """

    name = "ts-instr"
    title = "Instrumentation version and its copies"
    status = Status.CURRENT
    sources = ("Python/instrumentation.c (set_global_version)", "Python/bytecodes.c (RESUME)")
    sizes = {"runs": 2}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "clear-forgets-copy": "Clearing the interpreter resets its version, but not the copy.",
        "changes-running-world": "The version and the copies are changed without stopping the world.",
        "new-thread-takes-old": "A new thread reads the version before it is in the list.",
        "version-before-code": "The code's version is stored before its instructions, unlocked.",
    }

    def setup(self) -> None:
        """Version 1 everywhere. A copy of 0 is that of a thread which is not in the list."""
        self.version = 1
        self.copies = {MAIN: 1, "T1": 1, NEW: 0}
        self.code_version = 1
        self.instructions = 1
        self.lock = UNLOCKED
        self.inside: set[str] = set()  # threads that run code, and cannot be stopped there
        self.stopped = False
        self.ended = 0

    def threads(self) -> dict[str, Steps]:
        """One that changes the instrumentation, one that runs code, one that is new."""
        return {MAIN: self.main(), "T1": self.worker("T1"), NEW: self.newcomer()}

    def main(self) -> Steps:
        """sys.settrace for all threads; in the end the interpreter is cleared."""
        if not self.has("changes-running-world"):
            yield Step("_PyEval_StopTheWorld", until=lambda: not self.inside)
            self.stopped = True
        yield "set_version_raw: interpreter"
        self.version = 2
        yield "set_version_raw: every thread in the list, under HEAD_LOCK"
        self.copies = {each: 2 if version else 0 for each, version in self.copies.items()}
        yield "_PyEval_StartTheWorld"
        self.stopped = False
        yield from self.resume(MAIN)
        yield Step("wait for the others", until=lambda: self.ended == 2)
        yield "interpreter_clear: reset the version"
        self.version = 0
        self.code_version = self.instructions = 0  # a finalizer's code, which never ran before
        if not self.has("clear-forgets-copy"):
            self.copies[MAIN] = 0
        yield from self.resume(MAIN)

    def worker(self, me: str) -> Steps:
        """Runs the code so many times."""
        for _ in range(self.numbers["runs"]):
            yield from self.resume(me)
        yield "thread ends"
        self.copies[me] = 0
        self.ended += 1

    def newcomer(self) -> Steps:
        """new_threadstate: takes the version and joins the list, both under HEAD_LOCK."""
        if self.has("new-thread-takes-old"):
            yield "new_threadstate: load the version"
            seen = self.version
            yield "new_threadstate: add_threadstate"
            self.copies[NEW] = seen
        else:
            yield "new_threadstate: init_threadstate, add_threadstate"
            self.copies[NEW] = self.version
        yield from self.worker(NEW)

    def resume(self, me: str) -> Steps:
        """RESUME, and the code after it."""
        yield Step("_PyThreadState_Attach", until=lambda: not self.stopped)
        self.inside.add(me)
        tries = 0
        while True:
            yield "RESUME: compare the versions"
            if self.code_version == self.copies[me]:
                break
            tries += 1
            self.require(tries == 1, "I2", "RESUME comes to an end after one retry")
            yield from self.instrument(me)
        yield "run the instructions"
        current = self.instructions == self.copies[me]
        self.require(current, "I3", "the instructions that run are those of the thread's version")
        self.inside.discard(me)

    def instrument(self, me: str) -> Steps:
        """_Py_Instrument, for the version of the interpreter."""
        if self.has("version-before-code"):
            yield "_Py_Instrument: store the code's version"
            self.code_version = self.version
            yield "_Py_Instrument: store the instructions"
            self.instructions = self.version
            return
        yield Step("_Py_Instrument: lock code", until=lambda: self.lock == UNLOCKED)
        self.lock = me
        yield "_Py_Instrument: store the instructions"
        self.instructions = self.version
        yield "_Py_Instrument: store the code's version, unlock"
        self.code_version = self.version
        self.lock = UNLOCKED

    @safety("I1", "until the interpreter is cleared, who runs code has a copy of its version")
    def copies_agree(self) -> bool:
        return self.version == 0 or all(self.copies[each] == self.version for each in self.inside)

    @liveness("I4", "at rest code, instructions and interpreter have one version")
    def all_agree(self) -> bool:
        return self.code_version == self.instructions == self.version
