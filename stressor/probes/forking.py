"""SD-HANDLES held against real forks: what the child makes of the handles of the parent's threads.

One thread forks while others start, join and end threads. The child asks each handle whether it is
done, joins what it may, starts what was not started, and answers through a pipe; a child that hangs is
ended by an alarm and has not answered. Not held against the reference: the lists of handles, and the
mutex of a handle that is not marked (the reference has 3.13's defect `unlocks-marked-only`).
"""

import _thread
import os
import signal
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from attrs import define, field

from stressor import _probes
from stressor.mechanisms.shutdown.handles import (
    DONE,
    MINE,
    NEW,
    NOT_STARTED,
    OLD,
    UNUSED,
    HandlesAfterFork,
)
from stressor.probes.base import Probe
from stressor.probes.monitor import Seen
from stressor.probes.threadstate import pause
from stressor.targets.definition import operation

CLAIM = "ThreadHandle_start: claim"
FORK, ANSWERED, MINE_DONE, OLD_DONE, NEW_JOINED, NEW_DONE, STARTED, STATES, IS_MAIN, WHOLE = range(
    10
)
"""The words of `native/probes/forking.c`."""
SECONDS = 10


class Handle(Protocol):
    """What the probe does with a handle; the interpreter's own or the twin's."""

    def is_done(self) -> bool: ...
    def join(self, timeout: float = ...) -> None: ...


@define
class Round:
    """Handles by their names in the reference; `old` ends when `gate` is unlocked."""

    gate: "_thread.LockType" = field(factory=_thread.allocate_lock)
    old: "_thread._ThreadHandle" = field(factory=_thread._ThreadHandle)
    new: Handle = field(factory=_thread._ThreadHandle)
    unused: "_thread._ThreadHandle" = field(factory=_thread._ThreadHandle)


def mine_done(model: HandlesAfterFork, thread: str, value: int) -> bool:
    """Whether the handle of the thread that forked counts as done."""
    return (MINE in model.event) == value


def old_done(model: HandlesAfterFork, thread: str, value: int) -> bool:
    """Whether the handle that ran, or had ended, counts as done."""
    return (OLD in model.event) == value


def new_joined(model: HandlesAfterFork, thread: str, value: int) -> bool:
    """Whether the handle that was being started can be joined."""
    return (model.state[NEW] == DONE) == value


def new_done(model: HandlesAfterFork, thread: str, value: int) -> bool:
    """Whether it counts as done."""
    return (NEW in model.event) == value


def unused_started(model: HandlesAfterFork, thread: str, value: int) -> bool:
    """Whether the handle that nobody started could be started."""
    return (model.state[UNUSED] == NOT_STARTED) == value


def started(handle: "_thread._ThreadHandle") -> bool:
    """Start a thread that does nothing; whether the handle let it."""
    try:
        _thread.start_joinable_thread(pause, handle=handle, daemon=True)
    except RuntimeError:
        return False
    return True


def joined(handle: Handle) -> bool:
    """Join; whether the handle let it, since it was started."""
    try:
        handle.join()
    except RuntimeError:
        return False
    return True


def look_at_handles(state: Round) -> list[int]:
    """What the child does; what it saw, in the order of the words from MINE_DONE on."""
    mine = threading.current_thread()._handle  # type: ignore[attr-defined]  # of no interest to others
    seen = [mine.is_done(), state.old.is_done(), joined(state.new), state.new.is_done()]
    joined(state.old)
    starts = started(state.unused)
    joined(state.unused)
    return [*seen, starts]


def forked(look: Callable[[], list[int]]) -> bytes:
    """What a child saw; nothing, when it did not answer."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SECONDS)
            os.write(writer, bytes(look()))
        finally:
            os._exit(0)
    os.close(writer)
    answer = os.read(reader, 16)
    os.close(reader)
    os.waitpid(pid, 0)
    return answer


def fork_and_note(first: int, look: Callable[[], list[int]]) -> None:
    """The operation of the thread that forks; the child's answer are words from the first one on."""
    if not _probes.forking_join():
        return
    _probes.forking_note(FORK, 0)
    answer = forked(look)
    if answer:
        _probes.forking_note(ANSWERED, 0)
    for number, value in enumerate(answer, first):
        _probes.forking_note(number, value)
    _probes.forking_leave()
    assert answer, f"the child did not answer within {SECONDS} seconds"


class ForkingProbe(Probe):
    """One forks, while others start a thread, and join one that ends."""

    mechanism = HandlesAfterFork
    defect = "unlocks-marked-only"
    roles = (("child",),)
    sees = {
        "fork": Seen(("fork",)),
        "child answered": Seen((CLAIM,), rests=True),
        "mine is done": Seen((CLAIM,), rests=True, holds=mine_done),
        "old is done": Seen((CLAIM,), rests=True, holds=old_done),
        "new was joined": Seen((CLAIM,), rests=True, holds=new_joined),
        "new is done": Seen((CLAIM,), rests=True, holds=new_done),
        "unused was started": Seen((CLAIM,), rests=True, holds=unused_started),
    }

    def make(self) -> Round:
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        state = Round()
        state.gate.acquire()
        _thread.start_joinable_thread(state.gate.acquire, handle=state.old, daemon=True)
        return state

    @operation
    def fork(self, state: Round) -> None:
        fork_and_note(MINE_DONE, partial(look_at_handles, state))

    @operation
    def start(self, state: Round) -> None:
        assert isinstance(state.new, _thread._ThreadHandle)
        if started(state.new):
            state.new.join()

    @operation
    def end(self, state: Round) -> None:
        with suppress(RuntimeError):  # somebody else did it
            state.gate.release()

    @operation
    def join(self, state: Round) -> None:
        state.old.join(0.0005)

    def check(self, state: object) -> None:
        assert isinstance(state, Round)
        if state.gate.locked() and not state.old.is_done():
            state.gate.release()
        state.old.join()
        super().check(state)


class OwnHandle:
    """A handle that no fork knows of."""

    def __init__(self) -> None:
        self.begun = self.done = False

    def is_done(self) -> bool:
        return self.done

    def join(self, timeout: float = -1) -> None:
        if not self.begun:
            raise RuntimeError("thread not started")

    def run(self) -> None:
        """A thread, from its beginning to its end."""
        self.begun = True
        inner = _thread._ThreadHandle()
        _thread.start_joinable_thread(pause, handle=inner, daemon=True)
        inner.join()
        self.done = True


class UnmarkedHandle(ForkingProbe):
    """One of the handles is not marked as done in the child."""

    def make(self) -> Round:
        state = super().make()
        state.new = OwnHandle()
        return state

    @operation(weight=2.0)
    def start(self, state: Round) -> None:
        if isinstance(state.new, OwnHandle) and not state.new.begun:
            state.new.run()
