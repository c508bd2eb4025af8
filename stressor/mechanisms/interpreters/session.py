"""IN-SESSION: entering another interpreter, running a piece of work, and coming back."""

from stressor.mechanisms.base import Mechanism, Status, Steps, liveness, safety

NOBODY = ""
HERE, THERE, ANYBODY = "caller's", "target", "anybody"


class Session(Mechanism):
    """Work for another interpreter is done by a thread that goes there and comes back with no object.

    What the work needs is first turned into raw data. The thread swaps to a new thread state of the
    target, marks itself as running the target's main, makes objects of the raw data in `__main__`,
    and runs. An exception becomes raw data in its turn: type name, message, traceback as text. Then
    the mark is taken back, the thread state is given up, and the caller makes an exception of its own
    of it. Whatever fails on the way, mark and thread state are restored, and raw data is freed once,
    in the interpreter that has made it.

    Simplified: two callers enter one interpreter; who finds it marked gets an error. The code of the
    first fails when the namespace is applied, that of the second when it runs.
    """

    name = "in-session"
    title = "Session in another interpreter"
    status = Status.CURRENT
    sources = ("Python/crossinterp.c", "Include/internal/pycore_crossinterp.h")
    sizes = {"callers": 2}
    stuck = ("L1", "every caller comes back")
    defects = {
        "exception-object-crosses": "The exception itself is carried back to the caller.",
        "frees-in-target": "The namespace's raw data is freed by the target interpreter.",
        "frees-twice-on-error": "The raw data is freed on the error path and by the caller again.",
        "mark-left-on-error": "The mark stays when the namespace cannot be applied.",
        "mark-after-leave": "The mark is taken back after the thread state has been given up.",
        "marks-without-test": "The mark is set without looking whether another has it.",
    }

    def setup(self) -> None:
        """The target interpreter is idle."""
        names = [f"caller{number}" for number in range(1, self.numbers["callers"] + 1)]
        self.where = dict.fromkeys(names, HERE)
        self.running_main = NOBODY
        self.in_main: set[str] = set()  # run code in the target's __main__
        self.states: set[str] = set()  # thread states that were made for sessions
        self.raw: dict[str, str] = {}  # raw data that was not freed, and who has to free it
        self.has_objects_of = dict.fromkeys(names, HERE)  # whose objects a thread has in its hands
        self.came_back: dict[str, str] = {}

    def threads(self) -> dict[str, Steps]:
        """The callers."""
        return {name: self.caller(name) for name in self.where}

    def caller(self, me: str) -> Steps:
        """run_in_interpreter."""
        yield "_PyXI_NamespaceFromDict"
        self.raw[f"namespace of {me}"] = HERE
        error = yield from self.enter(me)
        if not error:
            yield "run in __main__"
            self.in_main.add(me)
            yield "the code ends"
            self.in_main.discard(me)
            error = "uncaught" if me == "caller2" else ""
        yield from self.leave(me, error)
        yield "_PyXI_ApplyCapturedException"
        self.came_back[me] = error
        if f"error of {me}" in self.raw:
            self.free(f"error of {me}", HERE)

    def enter(self, me: str) -> Steps[str]:
        """_PyXI_Enter; what went wrong, or nothing."""
        yield "_enter_session: new thread state, swap"
        self.states.add(me)
        self.where[me] = THERE
        self.has_objects_of[me] = NOBODY
        yield "_PyInterpreterState_SetRunningMain"
        if self.running_main != NOBODY and not self.has("marks-without-test"):
            return "already running"
        self.running_main = me
        yield "_PyXI_ApplyNamespace"
        if me == "caller1":
            return "cannot apply"
        self.has_objects_of[me] = THERE
        yield "_PyXI_FreeNamespace: call into the caller's interpreter"
        self.free(f"namespace of {me}", THERE if self.has("frees-in-target") else HERE)
        return ""

    def leave(self, me: str, error: str) -> Steps:
        """_capture_current_exception, _exit_session."""
        if error and not self.has("exception-object-crosses"):
            yield "_capture_current_exception"
            self.raw[f"error of {me}"] = ANYBODY
            self.has_objects_of[me] = NOBODY
        unmarks = not (self.has("mark-left-on-error") and error == "cannot apply")
        if unmarks and not self.has("mark-after-leave"):
            yield "_PyInterpreterState_SetNotRunningMain"
            self.unmark(me)
        yield "_exit_session: clear, swap back, delete"
        self.where[me] = HERE
        if not (error and self.has("exception-object-crosses")):
            self.has_objects_of[me] = NOBODY
        self.states.discard(me)
        if unmarks and self.has("mark-after-leave"):
            yield "_PyInterpreterState_SetNotRunningMain"
            self.unmark(me)
        if error in ("already running", "cannot apply"):
            yield "_PyXI_FreeNamespace"
            self.free(f"namespace of {me}", HERE)
            if self.has("frees-twice-on-error"):
                yield "_PyXI_FreeNamespace"
                self.free(f"namespace of {me}", HERE)

    def unmark(self, me: str) -> None:
        """The mark is taken back by who has set it, with a thread state of the target."""
        if self.running_main == me:
            self.require(me in self.states, "I2", "the mark goes before the thread state does")
            self.running_main = NOBODY

    def free(self, data: str, where: str) -> None:
        """Raw data is freed, in one of the interpreters."""
        self.require(data in self.raw, "I3", "raw data is freed once")
        fits = self.raw.pop(data) in (where, ANYBODY)
        self.require(fits, "I3", "raw data is freed by the interpreter that made it")

    @safety("I1", "no thread has objects of an interpreter that it is not in")
    def no_object_crosses(self) -> bool:
        return all(each in (NOBODY, self.where[me]) for me, each in self.has_objects_of.items())

    @safety("I4", "who runs code in an interpreter's main has the mark")
    def one_main(self) -> bool:
        return self.in_main <= {self.running_main}

    @liveness("I5", "at rest mark and thread states are gone, and all raw data is freed")
    def restored(self) -> bool:
        return self.running_main == NOBODY and not self.states and not self.raw
