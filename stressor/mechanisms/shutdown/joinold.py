"""SD-JOINOLD: joining a thread through a lock that it holds while it runs."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
RUNNER = "runner"


class JoinByLock(Mechanism):
    """A thread holds a lock as long as its thread state lives; to join it is to acquire that lock.

    Who joins acquires the lock, notes that the thread has stopped, and releases it for the next one
    to join. Up to Python 3.12 the lock was released first, and noting it asserted that the lock was
    free, which it was not when another thread was just joining: an AssertionError out of join(). The
    correct version here notes it while it has the lock; CPython replaced the lock by an event.

    Simplified: one thread and those that join it; no time-outs and no daemons; the fast path for a
    thread that is known to have stopped is one load.
    """

    name = "sd-joinold"
    title = "Join by the lock of the thread state"
    status = Status.OLD
    sources = ("Lib/threading.py (3.12: _wait_for_tstate_lock, _stop)", "gh-114271")
    sizes = {"joiners": 2}
    stuck = ("L1", "everyone who joins comes back")
    defects = {
        "releases-before-stop": "The lock is released first, and stopping asserts that it is free.",
        "releases-before-clear": "The thread releases the lock before its thread state is cleared.",
        "stopped-by-the-thread": "The thread says that it has stopped before it is cleared.",
        "no-second-release": "Who has joined keeps the lock.",
    }

    def setup(self) -> None:
        """The thread runs, and has the lock."""
        self.lock = RUNNER  # _tstate_lock
        self.is_stopped = False
        self.cleared = False
        self.joined: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """The thread, and those that join it."""
        names = [f"joiner{number}" for number in range(1, self.numbers["joiners"] + 1)]
        return {RUNNER: self.runner()} | {name: self.join(name) for name in names}

    def runner(self) -> Steps:
        """The end of the thread."""
        if self.has("stopped-by-the-thread"):
            yield "Thread._stop, by the thread itself"
            self.is_stopped = True
        if self.has("releases-before-clear"):
            yield "release _tstate_lock"
            self.lock = NOBODY
        yield "PyThreadState_Clear"
        self.cleared = True
        if not self.has("releases-before-clear"):
            yield "tstate->on_delete: release _tstate_lock"
            self.lock = NOBODY

    def join(self, me: str) -> Steps:
        """Thread.join and _wait_for_tstate_lock."""
        yield "Thread.join: load _is_stopped"
        if not self.is_stopped:
            yield Step("_tstate_lock.acquire", until=lambda: self.lock == NOBODY)
            self.lock = me
            if self.has("releases-before-stop"):
                yield "_tstate_lock.release"
                self.lock = NOBODY
                yield "Thread._stop: assert not locked"
                self.require(
                    self.lock == NOBODY, "I1", "whoever stops finds the lock as it left it"
                )
                self.is_stopped = True
            else:
                yield "Thread._stop"
                self.require(self.lock == me, "I1", "whoever stops finds the lock as it left it")
                self.is_stopped = True
                if not self.has("no-second-release"):
                    yield "_tstate_lock.release"
                    self.lock = NOBODY
        self.joined.add(me)

    @safety("I2", "join returns only after the thread has been cleared")
    def joined_means_cleared(self) -> bool:
        return self.cleared or not self.joined

    @liveness("L2", "at rest the lock is free, and that the thread was joined is known")
    def lock_is_free(self) -> bool:
        return self.lock == NOBODY and (self.is_stopped or not self.joined)
