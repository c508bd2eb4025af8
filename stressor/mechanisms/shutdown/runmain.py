"""SD-RUNMAIN: the mark that says who runs an interpreter's main program."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
FIRST, SECOND, BACKGROUND, DESTROYER = "first", "second", "background", "destroyer"
RUNNERS = (FIRST, SECOND)


class RunningMain(Mechanism):
    """One thread at a time runs the main program of an interpreter, and a mark says which one.

    Whoever wants to run sets the mark if it is free, and clears it on the way out, also after an
    exception. An interpreter is destroyed only while nobody runs its main program; background threads
    of it do not count, and are waited for. The correct version sets the mark by compare-and-swap, and
    who destroys takes it too. CPython 3.13 loads and then stores, and destroys after a look: this is
    right only as long as nothing lets another thread in between.

    Simplified: one interpreter, two runners of which the second raises an exception, one background
    thread with a thread state, and one that destroys; who is refused gives up.
    """

    name = "sd-runmain"
    title = "The mark of who runs the main program"
    status = Status.CURRENT
    sources = (
        "Python/pystate.c (_PyInterpreterState_SetRunningMain)",
        "Modules/_interpretersmodule.c",
    )
    stuck = ("L1", "everyone runs, or is refused")
    defects = {
        "load-then-store": "The mark is loaded and then stored, as in 3.13.",
        "destroys-after-look": "Who destroys looks at the mark and does not take it, as in 3.13.",
        "infers-from-thread-states": "Thread states are taken for a running main program.",
        "always-in-main": "The main interpreter is taken to run its main program at all times.",
        "exception-leaves-mark": "The mark stays when the main program ends by an exception.",
        "others-clear": "Who is refused clears the mark on the way out.",
    }

    def setup(self) -> None:
        """Nobody runs."""
        self.main = NOBODY  # threads.main
        self.running: set[str] = set()
        self.thread_states: set[str] = set()
        self.destroyed = False

    def threads(self) -> dict[str, Steps]:
        """The runners, a background thread, and one that destroys."""
        return {name: self.runner(name) for name in RUNNERS} | {
            BACKGROUND: self.background(),
            DESTROYER: self.destroyer(),
        }

    def runner(self, me: str) -> Steps:
        """_interpreters.exec."""
        yield "_PyThreadState_NewBound"
        if self.destroyed:
            return
        self.thread_states.add(me)
        if (yield from self.set_running(me)):
            yield "run the main program"
            self.running.add(me)
            yield "the main program ends"
            self.running.discard(me)
            if not (me == SECOND and self.has("exception-leaves-mark")):
                yield from self.set_not_running(me)
        elif self.has("others-clear"):
            yield from self.set_not_running(me)
        yield "PyThreadState_Delete"
        self.thread_states.discard(me)

    def set_running(self, me: str) -> Steps[bool]:
        """_PyInterpreterState_SetRunningMain; whether the mark is mine."""
        yield "_PyInterpreterState_SetRunningMain"
        taken = self.main != NOBODY
        if self.is_running(me):
            self.require(taken, "I4", "only who runs the main program keeps others from it")
            return False
        if self.has("load-then-store"):
            yield "set_main_thread: store"
        self.main = me
        return True

    def is_running(self, me: str) -> bool:
        """_PyInterpreterState_IsRunningMain, as `me` is told."""
        if self.has("infers-from-thread-states"):
            return bool(self.thread_states - {me})
        return self.main != NOBODY or self.has("always-in-main")

    def set_not_running(self, me: str) -> Steps:
        """_PyInterpreterState_SetNotRunningMain."""
        yield "_PyInterpreterState_SetNotRunningMain"
        self.require(self.main == me, "I3", "only the marked thread clears the mark")
        self.main = NOBODY

    def background(self) -> Steps:
        """A thread of the interpreter that runs no main program."""
        yield "_PyThreadState_NewBound"
        if self.destroyed:
            return
        self.thread_states.add(BACKGROUND)
        yield "PyThreadState_Delete"
        self.thread_states.discard(BACKGROUND)

    def destroyer(self) -> Steps:
        """_interpreters.destroy."""
        if self.has("destroys-after-look"):
            yield "_PyInterpreterState_IsRunningMain"
            if self.main != NOBODY:
                return
        elif not (yield from self.set_running(DESTROYER)):
            return
        yield Step("Py_EndInterpreter: wait for threads", until=self.is_alone)
        self.destroyed = True
        if self.main == DESTROYER:
            self.main = NOBODY

    def is_alone(self) -> bool:
        """Whether no thread is left that would be waited for: a running main program is not."""
        return self.thread_states <= {self.main}

    @safety("I1", "one thread at a time runs the main program")
    def one_runner(self) -> bool:
        return len(self.running) <= 1

    @safety("I2", "an interpreter that runs is not destroyed")
    def nobody_runs_in_ruins(self) -> bool:
        return not (self.destroyed and self.running)

    @liveness("L2", "at rest the mark is clear")
    def mark_is_clear(self) -> bool:
        return self.main == NOBODY
