"""IN-TSREUSE: the thread state with which another interpreter is entered."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY, NULL = "", ""
MAIN, SUB = "main", "sub"


class ThreadStateReuse(Mechanism):
    """To run something in another interpreter, a thread makes a thread state of its own there.

    It once took the first of the interpreter's list and swapped to it, although some other thread
    may be running on it, and the list may be empty. Now it makes a new one, swaps to it, runs, clears
    it while it is still the current one, so that what it held is freed in the interpreter that made
    it, swaps back and deletes it; an error on the way changes nothing of that.

    Simplified: the list is changed under its lock, which is taken to be right; no GIL: a thread state
    is attached by one compare-and-swap. One caller's code raises an exception, the other's does not.
    """

    name = "in-tsreuse"
    title = "Thread state for entering an interpreter"
    status = Status.CURRENT
    sources = ("Python/crossinterp.c", "Python/pystate.c", "gh-109853")
    sizes = {"callers": 2, "rounds": 1}
    stuck = ("L1", "every thread comes to its end")
    defects = {
        "reuses-head": "The caller swaps to the first thread state of the list, whoever runs on it.",
        "unchecked-head": "The caller waits for the first thread state, and there may be none.",
        "clears-after-swap": "The thread state is cleared after the caller has swapped back.",
        "leaks-on-error": "After an exception the thread state is not deleted.",
        "deletes-while-current": "The thread state is deleted before the caller has swapped back.",
    }

    def setup(self) -> None:
        """The subinterpreter has one thread, with the thread state "own"."""
        callers = [f"caller{number}" for number in range(1, self.numbers["callers"] + 1)]
        self.head_list = ["own"]
        self.attached: dict[str, frozenset[str]] = {"own": frozenset()}
        self.runs_in = dict.fromkeys(callers, MAIN)
        self.cleared: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """A thread of the subinterpreter, and callers from the main interpreter."""
        return {"worker": self.worker()} | {name: self.caller(name) for name in self.runs_in}

    def worker(self) -> Steps:
        """Attaches and detaches its own thread state, and deletes it in the end."""
        for _ in range(self.numbers["rounds"]):
            yield from self.attach("worker", "own")
            yield "PyEval_SaveThread"
            self.attached["own"] -= {"worker"}
        yield Step("PyThreadState_Delete", lambda: not self.attached["own"])
        self.head_list.remove("own")
        del self.attached["own"]

    def caller(self, me: str) -> Steps:
        """_enter_session, some code, _exit_session."""
        created = not (self.has("reuses-head") or self.has("unchecked-head"))
        if created:
            yield "_PyThreadState_NewBound: link"
            state = f"new of {me}"
            self.head_list.insert(0, state)
            self.attached[state] = frozenset()
        else:
            yield "PyInterpreterState_ThreadHead"
            state = self.head_list[0] if self.head_list else NULL
            if state == NULL and self.has("reuses-head"):
                return
            self.require(state != NULL, "I4", "the thread state that is swapped to exists")
        if self.has("reuses-head"):
            yield "PyThreadState_Swap: to the other interpreter"
            if state not in self.attached:
                return
            self.attached[state] |= {me}
        else:
            yield from self.attach(me, state)
        self.runs_in[me] = SUB
        yield "run in the interpreter"
        fails = me == "caller1"
        if created:
            yield from self.leave(me, state, leaks=fails and self.has("leaks-on-error"))
        else:
            yield "PyThreadState_Swap: back"
            self.swap_back(me, state)

    def leave(self, me: str, state: str, leaks: bool) -> Steps:
        """_exit_session."""
        if not self.has("clears-after-swap"):
            yield from self.clear(me, state)
        if self.has("deletes-while-current"):
            yield from self.delete(state)
        yield "PyThreadState_Swap: back"
        self.swap_back(me, state)
        if self.has("clears-after-swap"):
            yield from self.clear(me, state)
        if not leaks and not self.has("deletes-while-current"):
            yield from self.delete(state)

    def attach(self, me: str, state: str) -> Steps:
        """The thread runs on a thread state that nobody runs on."""
        yield Step("tstate_try_attach", lambda: not self.attached.get(state))
        self.require(state in self.attached, "I4", "the thread state that is swapped to exists")
        self.attached[state] |= {me}

    def swap_back(self, me: str, state: str) -> None:
        """The thread is in its own interpreter again."""
        self.attached[state] -= {me}
        self.runs_in[me] = MAIN

    def clear(self, me: str, state: str) -> Steps:
        """What the thread state held is dropped."""
        yield "PyThreadState_Clear"
        here = self.runs_in[me] == SUB
        self.require(here, "I3", "a thread state is cleared in the interpreter it belongs to")
        self.cleared.add(state)

    def delete(self, state: str) -> Steps:
        """Unlinked and freed."""
        yield "PyThreadState_Delete"
        idle = not self.attached[state] and state in self.cleared
        self.require(idle, "I5", "a thread state is deleted when it is cleared and nobody's")
        self.head_list.remove(state)

    @safety("I1", "a thread state is attached by one thread at most")
    def one_thread(self) -> bool:
        return all(len(users) <= 1 for users in self.attached.values())

    @liveness("I2", "every thread state that was made is gone")
    def none_is_left(self) -> bool:
        return not self.head_list
