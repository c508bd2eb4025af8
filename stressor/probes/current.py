"""TS-CURRENT held against the interpreter: whose thread state a thread from outside finds as its own.

Such a thread makes itself a thread state by PyGILState_Ensure, finds it again in a callback while it
is detached, and finds none once it is released. Not held against the reference: signal handlers.
"""

from stressor import _probes
from stressor.mechanisms.threads.current import NULL, CurrentThreadState
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

ENSURE, GET = "PyGILState_Ensure: gilstate_tss_get", "_PyThreadState_GET"
CALLBACK, RESTORE = "callback: PyThreadState_GetUnchecked", "PyEval_RestoreThread: current_fast_set"
CLEAR = "current_fast_clear"
THREADS = ("T1", "T2", "T3")


def current_is(model: CurrentThreadState, thread: str, value: int) -> bool:
    """Whose thread state is the current one: 0 for none, else one more than the thread's number."""
    found = model.slots[thread]
    mine = found.partition(".")[0]
    return value == (0 if found == NULL else 1 + THREADS.index(mine))


def key_is(model: CurrentThreadState, thread: str, value: int) -> bool:
    """Whether PyGILState_Ensure would find one."""
    return (model.gilstate[thread] != NULL) == value


class CurrentProbe(Probe):
    """Threads from outside that come into Python, leave it, and come in again below that."""

    mechanism = CurrentThreadState
    sizes = {"threads": 3, "calls": 2, "nested": 1}
    roles = (THREADS,)
    uses = 2
    sees = {
        "ensure": Seen((ENSURE,)),
        "ensured": Seen((GET,), rests=True),
        "current": Seen((GET,), rests=True, holds=current_is),
        "save": Seen((GET,)),
        "saved": Seen((CALLBACK,), rests=True),
        "without": Seen((CALLBACK,), rests=True, holds=current_is),
        "callback": Seen((CALLBACK,)),
        "release to callback": Seen((GET,)),
        "released to callback": Seen((RESTORE,), rests=True),
        "current in callback": Seen((RESTORE,), rests=True, holds=current_is),
        "restore": Seen((RESTORE,)),
        "restored": Seen((CLEAR,), rests=True),
        "current again": Seen((CLEAR,), rests=True, holds=current_is),
        "release": Seen((CLEAR,)),
        "released": Seen((ENSURE, END), rests=True),
        "current at last": Seen((ENSURE, END), rests=True, holds=current_is),
        "key at last": Seen((ENSURE, END), rests=True, holds=key_is),
    }

    def make(self) -> None:
        _probes.current_begin()

    @operation
    def round(self, state: object) -> None:
        _probes.current_round()


class InOneGlobal(CurrentProbe):
    """A thread looks up whose turn it is in one variable for all."""

    @operation
    def round(self, state: object) -> None:
        _probes.current_round_in_one_global()
