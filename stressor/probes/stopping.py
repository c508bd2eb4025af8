"""SD-STW held against processes that end: daemons that attach while the interpreter is finalized.

Two daemons attach, ask whether the runtime is being finalized, work under a lock where it is free, and
detach; a destructor that the finalizer runs for one of them takes the lock. None of them is attached
once finalization is announced, and finalization comes to its end. Not held against the reference: when
the thread states are freed, which 3.13 does while a daemon may be about to attach (gh-124878).
"""

from stressor.mechanisms.shutdown.stopping import FINALIZER, StopForShutdown
from stressor.probes.ending import EndingProbe
from stressor.probes.monitor import END, Seen

STOP, CLEAR = "_PyEval_StopTheWorldAll", "PyThreadState_Clear: destructors"
ATTACH, DETACH = "_PyThreadState_MustExit", "_PyThreadState_Detach"
LOCK, RUN = "PyMutex_LockFast", "run Python code"


def finalizing_is(model: StopForShutdown, thread: str, value: int) -> bool:
    """Whether finalization was announced."""
    return model.finalizing == value


def has_lock(model: StopForShutdown, thread: str, value: int) -> bool:
    """Whether the thread got the lock."""
    return (model.lock == thread) == value


class StoppingProbe(EndingProbe):
    """A process with two daemons ends."""

    mechanism = StopForShutdown
    roles = (("daemon1",), ("daemon2",), (FINALIZER,))
    sees = {
        "attach": Seen((ATTACH,)),
        "attached": Seen((LOCK,), rests=True, holds=finalizing_is),
        "lock": Seen((LOCK,)),
        "has the lock": Seen((RUN,), rests=True, holds=has_lock),
        "let go": Seen((RUN,)),
        "detach": Seen((DETACH,)),
        "detached": Seen((ATTACH, END), rests=True),
        "exits": Seen((STOP,)),
        "destructor": Seen((CLEAR,), rests=True, holds=finalizing_is),
        "takes lock": Seen((CLEAR,)),
        "took lock": Seen(("free_threadstate",)),
        "finalized": Seen((END,), rests=True),
    }
    program = "stopping"


class GoesOnDetached(StoppingProbe):
    """Daemons go on without attaching."""

    program = "stopping detached"
