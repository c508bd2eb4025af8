"""TS-STW held against real stops of the world, by a collector's walk and by what surrounds a fork.

While one of them stands, nobody else comes to be attached, no other stop does, and those in the list
of thread states are suspended, also those that were made meanwhile. The list is read by the forker
only, who holds its lock.
"""

import gc

from stressor import _probes
from stressor.mechanisms.threads.stoptheworld import StopTheWorld
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.probes.threadstate import STATES, pause
from stressor.targets.definition import operation

NEW, DELETE = (
    "new_threadstate: HEAD_LOCK, add_threadstate",
    "tstate_delete_common: HEAD_LOCK, unlink",
)
ATTACH = "PyEval_RestoreThread: _PyThreadState_Attach: CAS"
BREAKER = "_Py_HandlePending: clear please-stop"
DETACH = "PyEval_SaveThread: _PyThreadState_Detach"
START = "start_the_world: HEAD_LOCK, suspended -> detached, unpark"
WORKERS, COLLECTOR, FORKER = ("worker1", "worker2"), "collector", "forker"
UNLINKED = 3


def word_is(model: StopTheWorld, thread: str, value: int) -> bool:
    """A word that the forker found in the list, or that it found none."""
    slot, word = divmod(value, STATES)
    return model.word.get((*WORKERS, COLLECTOR, FORKER)[slot], UNLINKED) == word


class StopTheWorldProbe(Probe):
    """Threads with thread states that come and go, and two that stop the world."""

    mechanism = StopTheWorld
    sizes = {"workers": 2, "visits": 2, "collections": 2}
    roles = (WORKERS, (COLLECTOR,), (FORKER,))
    uses = 2
    sees = {
        "new": Seen((NEW,)),
        "made": Seen((ATTACH,), rests=True),
        "attach": Seen((ATTACH,)),
        "attached": Seen((BREAKER,), rests=True),
        "break": Seen((BREAKER,)),
        "went on": Seen((DETACH,), rests=True),
        "detach": Seen((DETACH,)),
        "detached": Seen((DELETE,), rests=True),
        "delete": Seen((DELETE,)),
        "deleted": Seen((NEW, END), rests=True),
        "enter": Seen((ATTACH,)),
        "stopped": Seen((START,), rests=True),
        "word of": Seen((START,), rests=True, holds=word_is),
        "still": Seen((START,), rests=True),
        "start": Seen((START,)),
        "left": Seen((ATTACH, END), rests=True),
    }

    def make(self) -> None:
        gc.disable()  # a collection stops the world, too
        _probes.stops_begin()

    @operation(weight=2.0)
    def visit(self, state: object) -> None:
        _probes.stops_visit(pause)

    @operation
    def collect(self, state: object) -> None:
        _probes.stops_collect()

    @operation
    def fork(self, state: object) -> None:
        _probes.stops_fork()


class MadeDetached(StopTheWorldProbe):
    """A thread state that is made during a stop starts detached."""

    @operation(weight=2.0)
    def visit(self, state: object) -> None:
        _probes.stops_visit_made_detached()


class StopsWithoutWaiting(StopTheWorldProbe):
    """The collector does not wait until the others are suspended."""

    @operation
    def collect(self, state: object) -> None:
        _probes.stops_collect_without_waiting()
