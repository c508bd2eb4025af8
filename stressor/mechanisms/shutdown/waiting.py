"""SD-WAIT: the end of the program waits for all threads but the daemons."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
MAIN, FIRST, SECOND, DAEMON = "main", "first", "second", "daemon"


class WaitForThreads(Mechanism):
    """Handles of threads that are no daemons are in a list, from before they start until they end.

    At exit one handle after the other is taken from the list under HEAD_LOCK, counted, and joined
    without the lock, until none is left but the one of the thread that waits. A thread that is being
    waited for may start further ones: they are in the list before it is out. A thread takes its own
    handle off the list, under HEAD_LOCK, and then sets its event.

    Simplified: the waiting thread was itself started by `threading`, as one that finalizes may be;
    joining is waiting for the event; a handle is freed with its last reference; a daemon never ends.
    """

    name = "sd-wait"
    title = "Waiting for threads at exit"
    status = Status.CURRENT
    sources = ("Modules/_threadmodule.c (thread_shutdown)", "Lib/threading.py (_shutdown)")
    sizes = {"chain": 2}
    stuck = ("L1", "the wait ends when all threads have ended that are no daemons")
    defects = {
        "looks-once": "The list is copied once, and only the handles in it are joined.",
        "adds-after-start": "A handle comes into the list after its thread was started.",
        "joins-uncounted": "The handle is joined without a reference.",
        "joins-with-head-lock": "HEAD_LOCK is kept while a handle is joined.",
        "waits-for-itself": "The waiting thread does not skip its own handle.",
        "waits-for-daemons": "Daemons are put on the list as well.",
        "leaves-before-children": "A thread leaves the list before it starts the next one.",
    }

    def setup(self) -> None:
        """Main runs, with a handle. `refs` are the references to each handle; 0 is freed."""
        self.handles: list[str] = [MAIN]  # shutdown_handles
        self.head_lock = NOBODY
        self.refs = {MAIN: 1, FIRST: 0, SECOND: 0, DAEMON: 0}
        self.started: set[str] = set()
        self.ended: set[str] = set()
        self.exiting: set[str] = set()  # events
        self.joined: set[str] = set()
        self.waited = False
        self.to_join: list[str] = []  # the copy of looks-once

    def threads(self) -> dict[str, Steps]:
        """Main starts the first, which starts the second."""
        return {MAIN: self.main(), FIRST: self.runs(FIRST), SECOND: self.runs(SECOND)}

    def services(self) -> dict[str, Steps]:
        """A daemon."""
        return {DAEMON: self.daemon()}

    def main(self) -> Steps:
        """The program, and its end."""
        yield from self.start(MAIN, DAEMON)
        yield from self.start(MAIN, FIRST)
        yield from self.shutdown()
        if SECOND not in self.started:  # nobody will start it any more
            self.ended.add(SECOND)

    def start(self, me: str, other: str) -> Steps:
        """do_start_new_thread."""
        listed = other != DAEMON or self.has("waits-for-daemons")
        if listed and not self.has("adds-after-start"):
            yield from self.add(me, other)
        yield "ThreadHandle_start"
        self.refs[other] += 1
        self.started.add(other)
        if listed and self.has("adds-after-start"):
            yield from self.add(me, other)

    def add(self, me: str, other: str) -> Steps:
        """add_to_shutdown_handles."""
        yield Step("add_to_shutdown_handles: HEAD_LOCK", until=lambda: self.head_lock == NOBODY)
        self.head_lock = me
        yield "add_to_shutdown_handles: append, HEAD_UNLOCK"
        self.handles.append(other)
        self.head_lock = NOBODY

    def runs(self, me: str) -> Steps:
        """A thread; the first starts the second before it ends."""
        last = me == SECOND or self.numbers["chain"] < 2
        yield Step("thread_run", until=lambda: me in self.started or me in self.ended)
        if me in self.ended:
            return
        if self.has("leaves-before-children"):
            yield from self.leave(me)
        if not last:
            yield from self.start(me, SECOND)
        yield "_PyThreadState_DeleteCurrent"
        self.ended.add(me)
        if not self.has("leaves-before-children"):
            yield from self.leave(me)
        yield "_PyEvent_Notify: thread_is_exiting"
        self.exiting.add(me)
        yield "ThreadHandle_decref"
        self.refs[me] -= 1

    def leave(self, me: str) -> Steps:
        """remove_from_shutdown_handles."""
        yield Step(
            "remove_from_shutdown_handles: HEAD_LOCK", until=lambda: self.head_lock == NOBODY
        )
        if me in self.handles:
            self.handles.remove(me)

    def daemon(self) -> Steps:
        """A thread that waits for ever."""
        yield Step("thread_run", until=lambda: DAEMON in self.started)
        yield Step("sleeps for ever", until=lambda: False)

    def shutdown(self) -> Steps:
        """thread_shutdown."""
        if self.has("looks-once"):
            yield Step("thread_shutdown: HEAD_LOCK, copy", until=lambda: self.head_lock == NOBODY)
            self.to_join = [each for each in self.handles if each != MAIN]
        while True:
            yield Step("thread_shutdown: HEAD_LOCK", until=lambda: self.head_lock == NOBODY)
            handle = self.pick()
            if handle == NOBODY:
                break
            yield from self.join(handle)
        self.waited = True

    def join(self, handle: str) -> Steps:
        """One handle; begins with HEAD_LOCK, in the step that picked it."""
        fresh = handle not in self.joined
        self.require(fresh, "I4", "a handle is off the list when it has been joined")
        self.joined.add(handle)
        self.refs[handle] += not self.has("joins-uncounted")
        if self.has("joins-with-head-lock"):
            self.head_lock = MAIN
        yield Step("ThreadHandle_join", until=lambda: handle in self.exiting)
        self.require(self.refs[handle] > 0, "I3", "a handle that is joined is not freed")
        if self.has("joins-with-head-lock"):
            self.head_lock = NOBODY
        yield "ThreadHandle_decref"
        self.refs[handle] -= not self.has("joins-uncounted")

    def pick(self) -> str:
        """The next handle to join, if there is one."""
        if self.has("looks-once"):
            return self.to_join.pop(0) if self.to_join else NOBODY
        for each in self.handles:
            if each != MAIN or self.has("waits-for-itself"):
                return each
        return NOBODY

    @safety("I1", "after the wait no thread runs but daemons")
    def all_have_ended(self) -> bool:
        return not self.waited or self.started - {DAEMON} <= self.ended | {MAIN}

    @liveness("I2", "at rest the list has only the handle of the waiting thread")
    def list_is_empty(self) -> bool:
        return [each for each in self.handles if each != MAIN] == []
