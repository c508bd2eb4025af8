"""SD-JOINNEW: starting and joining a thread through a handle that outlives it."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOT_STARTED, STARTING, RUNNING, DONE = range(4)
FRESH, ACTIVE, CALLED = range(3)  # the once flag
UNDECIDED, REFUSED, SHARED = range(3)
NOBODY = ""
THREAD, STARTER, RIVAL, LATER = "thread", "starter", "rival", "later"
JOINER = "joiner"


class JoinByEvent(Mechanism):
    """A counted handle has the thread's state, its ident, and an event that says it is about to exit.

    Who starts claims the handle under its mutex, creates the OS thread, publishes ident and state,
    and only then lets the new thread go on. The thread sets the event as the last thing it does with
    the handle, after its thread state is gone. To join is to wait for the event and then to join the
    OS thread, once for all who join. Whether a thread is joining itself is asked only while the event
    is not set: after that the system may give the ident to another thread.

    Simplified: the OS thread is created without fail; no interrupts; the handle's
    mutex is taken to be right. `later` gets the ident of the thread that has ended.
    """

    name = "sd-joinnew"
    title = "Start and join by handle and event"
    status = Status.CURRENT
    sources = ("Modules/_threadmodule.c (ThreadHandle_start, ThreadHandle_join, thread_run)",)
    sizes = {"joiners": 0}
    stuck = ("L1", "whoever starts, joins or runs comes to its end")
    defects = {
        "start-without-claim": "The state is read and stored without the mutex in between.",
        "no-ready-event": "The new thread does not wait for its ident to be published.",
        "event-in-thread-state": "The event is part of the thread state, and goes with it.",
        "ident-is-enough": "A self-join is told by the ident alone, whether the event is set or not.",
        "waits-before-self-test": "Whether it is a self-join is asked after waiting for the event.",
        "no-once": "Everyone who joins joins the OS thread as well.",
        "boot-borrows-handle": "The new thread uses the handle without a reference of its own.",
        "returns-at-event": "Joining ends at the event, before the OS thread is gone.",
    }

    def setup(self) -> None:
        """A handle that is not started, with a reference each for `starter` and `rival`."""
        self.state = NOT_STARTED
        self.ident = NOBODY
        self.created = 0
        self.won: set[str] = set()  # those that started it
        self.refused: set[str] = set()  # those that were told that it was not started
        self.joined: set[str] = set()  # and those whose joining was no time-out
        self.ready = False
        self.exiting = False  # the event thread_is_exiting
        self.once = FRESH
        self.refs = 2
        self.shared = UNDECIDED  # whether `later` gets a reference, too
        self.freed = False
        self.thread_state = True
        self.gone = False  # the OS thread
        self.os_handle = 0  # how often it was joined or detached

    def threads(self) -> dict[str, Steps]:
        """Two that start it, of whom one also joins; one that joins when the thread is gone."""
        return {
            STARTER: self.starter(),
            RIVAL: self.rival(),
            LATER: self.later(),
            THREAD: self.thread_run(),
        } | {f"{JOINER}{n}": self.joiner(f"{JOINER}{n}") for n in self.joiners()}

    def joiners(self) -> range:
        """The numbers of the further joiners, who have time-outs and keep the handle."""
        return range(1, self.numbers["joiners"] + 1)

    def joiner(self, me: str) -> Steps:
        """Joins, but not for ever."""
        yield from self.join(me, timed=True)

    def starter(self) -> Steps:
        """Starts, and drops the handle."""
        yield from self.start(STARTER)
        yield from self.drop()

    def rival(self) -> Steps:
        """Starts, or finds it started; shares it, and joins."""
        yield from self.start(RIVAL)
        yield "share the handle, if it runs"
        self.use()
        self.shared = SHARED if self.state >= RUNNING else REFUSED
        self.refs += self.shared == SHARED
        yield from self.join(RIVAL)
        yield from self.drop()

    def later(self) -> Steps:
        """A thread that the system gives the ident of the one that is gone."""
        yield Step(
            "a new thread gets the ident",
            until=lambda: self.shared == REFUSED or (self.shared == SHARED and self.gone),
        )
        if self.shared == REFUSED:
            return
        yield from self.join(THREAD)
        yield from self.drop()

    def start(self, me: str) -> Steps:
        """ThreadHandle_start."""
        yield "ThreadHandle_start: claim with the mutex"
        if self.state != NOT_STARTED:
            return
        if self.has("start-without-claim"):
            yield "ThreadHandle_start: store the state"
        self.state = STARTING
        self.won.add(me)
        self.refs += not self.has("boot-borrows-handle")
        yield "PyThread_start_joinable_thread"
        self.created += 1
        yield "ThreadHandle_start: publish ident and state"
        self.ident = THREAD
        self.state = RUNNING
        yield "_PyEvent_Notify: handle_ready"
        self.ready = True

    def thread_run(self) -> Steps:
        """The new thread, which tries to join itself and then ends."""
        wait = not self.has("no-ready-event")
        yield Step("PyEvent_Wait: handle_ready", until=lambda: self.ready if wait else self.created)
        yield "call: ident"
        self.use()
        self.require(self.ident == THREAD, "I6", "a running thread finds its ident in the handle")
        yield from self.join(THREAD, itself=True)
        if self.has("event-in-thread-state"):
            yield "_PyEvent_Notify: thread_is_exiting"
            self.exiting = True
        yield "PyThreadState_Clear, _PyThreadState_DeleteCurrent"
        self.thread_state = False
        if not self.has("event-in-thread-state"):
            yield "_PyEvent_Notify: thread_is_exiting"
            self.use()
            self.exiting = True
        if not self.has("boot-borrows-handle"):
            yield "ThreadHandle_decref"
            self.decref()
        yield "the OS thread ends"
        self.gone = True

    def join(self, ident: str, itself: bool = False, timed: bool = False) -> Steps:
        """ThreadHandle_join by the thread with this ident; `timed`, it may have enough of waiting."""
        yield "ThreadHandle_join: check_started"
        self.use()
        if self.state < RUNNING:
            self.refused.add(ident)
            return
        if not self.has("waits-before-self-test"):
            yield "ThreadHandle_join: load the event, then the ident"
            may_be_me = not self.exiting or self.has("ident-is-enough")
            if may_be_me and self.ident == ident:
                self.require(itself, "I3", "only the thread itself is told that it joins itself")
                return
        yield Step("PyEvent_WaitTimed: thread_is_exiting", until=lambda: timed or self.exiting)
        if not self.exiting:
            return
        if self.has("event-in-thread-state"):
            yield "PyEvent_WaitTimed: load after waking"
            self.require(self.thread_state, "I4", "the thread state is not used once it is deleted")
        yield from self.join_once()
        self.joined.add(ident)

    def join_once(self) -> Steps:
        """_PyOnceFlag_CallOnce of join_thread."""
        if self.has("returns-at-event"):
            self.require(self.gone, "I1", "join returns after the OS thread is gone")
            return
        yield Step("_PyOnceFlag_CallOnce", until=lambda: self.once != ACTIVE)
        if self.once == FRESH or self.has("no-once"):
            self.once = ACTIVE
            yield Step("PyThread_join_thread", until=lambda: self.gone)
            self.os_handle += 1
            yield "set_thread_handle_state: done"
            self.state = DONE
            self.once = CALLED
        self.require(self.gone, "I1", "join returns after the OS thread is gone")

    def drop(self) -> Steps:
        """Whoever has the handle lets go of it."""
        yield "PyThreadHandleObject_dealloc"
        self.decref()

    def decref(self) -> None:
        """ThreadHandle_decref; the last one detaches what was never joined."""
        self.use()
        self.refs -= 1
        if self.refs == 0:
            self.freed = True
            if self.state == RUNNING:
                self.os_handle += 1

    def use(self) -> None:
        """The handle is touched."""
        self.require(not self.freed, "I7", "the handle lives as long as somebody uses it")

    @safety("I5", "one of those who start the thread does")
    def started_once(self) -> bool:
        return self.created <= 1

    @safety("I2", "the OS thread is joined or detached at most once")
    def os_handle_is_used_once(self) -> bool:
        return self.os_handle <= 1

    @liveness("L2", "at rest the handle is freed, and the OS thread was joined or detached")
    def all_is_freed(self) -> bool:
        return self.freed and self.os_handle == 1
