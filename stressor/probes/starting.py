"""SD-START held against processes that end: threads that are started just before and during that.

A daemon starts a thread and detaches; the thread runs while finalization was not announced, or never.
A destructor that the finalizer runs tries to start one more, and is refused. Not held against the
reference: when the new thread's state is freed, which 3.13 does while the thread may be about to bind it
(gh-124878), and that the daemon is refused, since it is attached until it has started the thread.
"""

from stressor.mechanisms.shutdown.start import (
    CREATOR,
    FINALIZER,
    NEW,
    StartDuringFinalization,
)
from stressor.probes.ending import EndingProbe
from stressor.probes.monitor import END, Seen

STOP, ASK = "_PyEval_StopTheWorldAll", "do_start_new_thread: finalizing?"
DETACH, CALL = "_PyThreadState_Detach", "call, thread_bootstate_free"


def started_is(model: StartDuringFinalization, thread: str, value: int) -> bool:
    """Whether a thread was started."""
    return (model.created if thread == CREATOR else model.late > 0) == value


def finalizing_is(model: StartDuringFinalization, thread: str, value: int) -> bool:
    """Whether finalization was announced."""
    return model.finalizing == value


class StartingProbe(EndingProbe):
    """A process ends just after a daemon has started a thread."""

    mechanism = StartDuringFinalization
    roles = ((CREATOR,), (NEW,), (FINALIZER,))
    sees = {
        "waits": Seen(("the OS thread begins",)),
        "start": Seen((ASK,)),
        "started": Seen((DETACH, END), rests=True, holds=started_is),
        "detach": Seen((DETACH,)),
        "runs": Seen((CALL,), rests=True, holds=finalizing_is),
        "ends": Seen((CALL,)),
        "exits": Seen((STOP,)),
        "finalized": Seen((END,), rests=True),
    }
    program = "starting"


class RunsDetached(StartingProbe):
    """The new thread neither asks nor attaches."""

    program = "starting detached"
