"""SD-JOINNEW held against the interpreter's own thread handles.

Two threads start one handle, and one of them does; those that join it come back when its thread has
ended, or are told that it was not started, or have had enough of waiting; the thread that joins
itself is told so. Not held against the reference: when the handle is freed, and a later thread that
gets the same ident.
"""

import _thread

from attrs import frozen

from stressor import _probes
from stressor.mechanisms.shutdown.joinnew import JoinByEvent
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

START, SHARE = "ThreadHandle_start: claim with the mutex", "share the handle, if it runs"
JOIN, DROP = "ThreadHandle_join: check_started", "PyThreadHandleObject_dealloc"
WAIT, IDENT = "PyEvent_Wait: handle_ready", "call: ident"
CLEAR = "PyThreadState_Clear, _PyThreadState_DeleteCurrent"
SECONDS = 0.0005


def won_is(model: JoinByEvent, thread: str, value: int) -> bool:
    """Whether a thread is the one that started it."""
    return (thread in model.won) == value


def joined_is(model: JoinByEvent, thread: str, value: int) -> bool:
    """Whether joining without a time-out succeeded."""
    return (thread in (model.joined if value else model.refused)) == 1


def was_started(model: JoinByEvent, thread: str, value: int) -> bool:
    """Whether joining did not end in an error."""
    return (thread not in model.refused) == value


def exiting_is(model: JoinByEvent, thread: str, value: int) -> bool:
    """The event."""
    return model.exiting == value


def knows(model: JoinByEvent, thread: str, value: int) -> bool:
    """Whether the handle has the ident of the thread."""
    return (model.ident == thread) == value


def never(model: JoinByEvent, thread: str, value: int) -> bool:
    """Whether a thread could join itself: no."""
    return not value


@frozen
class Round:
    """A handle, and a flag that only the twin uses."""

    handle: "_thread._ThreadHandle"
    flag: bytearray

    def start(self) -> None:
        """Raises RuntimeError when the handle is or was started."""
        _thread.start_joinable_thread(self.body, handle=self.handle, daemon=True)

    def body(self) -> None:
        """What the new thread does."""
        _probes.joining_body(self.handle)


class JoiningProbe(Probe):
    """One starts, one starts and joins, two join for a while."""

    mechanism = JoinByEvent
    sizes = {"joiners": 2}
    roles = (("starter",), ("rival",), ("joiner1", "joiner2"), ("thread",))
    sees = {
        "start": Seen((START,)),
        "started": Seen((DROP,), rests=True),
        "won": Seen((DROP,), rests=True, holds=won_is),
        "started then": Seen((SHARE,), rests=True),
        "won then": Seen((SHARE,), rests=True, holds=won_is),
        "join": Seen((SHARE,)),
        "came back": Seen((DROP,), rests=True),
        "joined": Seen((DROP,), rests=True, holds=joined_is),
        "join for a while": Seen((JOIN,)),
        "came away": Seen((END,), rests=True),
        "was started": Seen((END,), rests=True, holds=was_started),
        "is done": Seen((END,), rests=True, holds=exiting_is),
        "waits": Seen((WAIT,)),
        "runs": Seen((IDENT,), rests=True),
        "knows itself": Seen((IDENT,), rests=True, holds=knows),
        "joins itself": Seen((IDENT,)),
        "is told": Seen((CLEAR,), rests=True, holds=never),
        "ends": Seen((CLEAR,)),
    }

    def make(self) -> Round:
        _probes.joining_begin(len(self.slots) - 1)
        return Round(_thread._ThreadHandle(), bytearray(1))

    @operation
    def start(self, state: Round) -> None:
        _probes.joining_start(state.start)

    @operation(weight=2.0)
    def start_and_join(self, state: Round) -> None:
        _probes.joining_both(state.start, state.handle)

    @operation
    def join(self, state: Round) -> None:
        _probes.joining_timed(state.handle, SECONDS)

    def check(self, state: object) -> None:
        assert isinstance(state, Round)
        if state.handle.ident:
            state.handle.join()
        super().check(state)

    def look(self, state: object) -> None:
        assert isinstance(state, Round)
        assert state.handle.is_done() == bool(state.handle.ident), "a handle that is joined is done"


class StartsUnclaimed(JoiningProbe):
    """Whether it is started is looked up, and then it is started."""

    @operation
    def start(self, state: Round) -> None:
        _probes.joining_start_unclaimed(state.flag, state.start)

    @operation(weight=2.0)
    def start_and_join(self, state: Round) -> None:
        state.flag[0] = 1
        super().start_and_join(state)
