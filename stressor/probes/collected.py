"""GC-FT held against the real collector: what it does to a cycle, in which order, and how often."""

import gc
from collections.abc import Callable

from stressor import _probes
from stressor.mechanisms.collector.freethreaded import ONE, TWO, Collector
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Holds, Seen
from stressor.targets.definition import operation

LET_GO, LOCK = "_Py_DecRefShared: queue `one`", "take a lock"
ASK, DROP = "_PyWeakref_GET_REF of `two`", "Py_DECREF of `two`"
UNLOCK = "let go of the lock; Py_INCREF of `root`: load ob_tid"
CAS, LATE = "gc_collect_main: CAS collecting", "gc.collect()"
FINALIZE, STOP = "finalize_garbage: load ob_gc_bits, tp_finalize", "_PyEval_StopTheWorld"
CLEAR, OVER = "delete_garbage: tp_clear", "gc_collect_main: store collecting"


def got(model: Collector, thread: str, value: int) -> bool:
    """Whether the weak reference gave its object."""
    return model.handles[TWO] == value


def count_of(number: Callable[[Collector], int]) -> Holds:
    """How often something was done."""
    return lambda model, thread, value: number(model) == value


def cleared(name: str) -> Holds:
    """The object was cleared, for the first time."""
    return lambda model, thread, value: name in model.cleared and value == 1


class CollectedProbe(Probe):
    """A worker lets go of one object of a cycle and asks for the other; two more collect.

    What the collector borrows `ob_tid` for cannot be seen, as nobody runs then; that it is restored is
    not held against it either. Objects of dead threads and deferred counts are not driven here.
    """

    mechanism = Collector
    roles = (("worker",), ("early",), ("late",))
    uses = 1 << 16
    sees = {
        "let go": Seen((LET_GO,)),
        "has let go": Seen((LOCK,), rests=True),
        "lock": Seen((LOCK,)),
        "locked": Seen((ASK,), rests=True),
        "ask": Seen((ASK,)),
        "got": Seen((UNLOCK,), rests=True, holds=got),
        "unlock": Seen((UNLOCK,)),
        "unlocked": Seen((DROP, END), rests=True),
        "drop two": Seen((DROP,)),
        "dropped": Seen((END,), rests=True),
        "collect": Seen((CAS, LATE)),
        "callback": Seen((FINALIZE,), holds=count_of(lambda model: model.callbacks)),
        "finalize": Seen((STOP,), holds=count_of(lambda model: model.finalized)),
        "clear one": Seen((CLEAR, OVER), holds=cleared(ONE)),
        "clear two": Seen((CLEAR, OVER), holds=cleared(TWO)),
        "collected": Seen((END,), rests=True),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.collected_new()

    @operation
    def round(self, state: object) -> None:
        _probes.collected_round()

    def look(self, state: object) -> None:
        done = _probes.collected_settle()
        if done != (1, 1, 1, 1):
            gc.collect()
            done = _probes.collected_settle()
        assert done == (1, 1, 1, 1), (
            f"callback, finalizer, clearing of one and of two: {done} times in all"
        )


class Believes(CollectedProbe):
    """The worker believes that `two` is there, whatever its weak reference says."""

    @operation
    def round(self, state: object) -> None:
        _probes.collected_round_believing()
