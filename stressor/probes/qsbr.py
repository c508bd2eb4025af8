"""MM-QSBR held against real thread states' slots, and what is freed by them.

One thread retires a list's array, one reads through a pointer to it, and one comes for which the array
of slots has to grow. Real ones attach that the reference does not have, so memory may be freed later
than there, and the read sequence may stay behind, but neither may be earlier.
"""

import gc

from stressor import _probes
from stressor.mechanisms.reclaim.qsbr import FIRST, INCREMENT, WIDTH, Qsbr
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

TRY, ATTACH = "tstate_try_attach", "_Py_qsbr_attach: load wr_seq, store seq"
FENCE = "_Py_qsbr_attach: the store is sequential"
LOAD, READ = "load the pointer", "read through it"
UNLINK, ADVANCE = "unlink: store the pointer", "_Py_qsbr_advance: atomic add"
REPORT, PENDING = "_Py_qsbr_quiescent_state: load wr_seq, store seq", "_Py_HandlePending"
POLL, SCAN = "_Py_qsbr_poll: load rd_seq", "qsbr_poll_scan: load seq of a slot"
DETACH, DETACHED = "_Py_qsbr_detach: store QSBR_OFFLINE", "tstate_set_detached"
RESERVE = "_Py_qsbr_reserve: lock"
UNREGISTER = "_Py_qsbr_unregister: lock, give back, unlock"
AFTER = (REPORT, PENDING, POLL, SCAN, DETACH, DETACHED, "sleep", TRY, ATTACH, FENCE, "free", END)


def slot_is(model: Qsbr, thread: str, value: int) -> bool:
    """What the thread's slot says: by how often the write sequence was advanced."""
    return model.load(thread, model.slot[thread]) == (FIRST + value * INCREMENT) % WIDTH


def is_read(model: Qsbr, thread: str, value: int) -> bool:
    """The read sequence is not ahead of that of the reference."""
    return not value or model.rd_seq != FIRST


def freed(model: Qsbr, thread: str, value: int) -> bool:
    """The memory was freed, at the latest now."""
    return model.freed


def pause() -> None:
    """Where a thread sees to its eval breaker: the beginning of every function of Python's."""


class QsbrProbe(Probe):
    """A writer, a reader, and a newcomer without a slot."""

    mechanism = Qsbr
    sizes = {"lookups": 1, "breaks": 1}
    roles = (("writer",), ("reader",), ("newcomer",))
    watches = ("_Py_qsbr_advance",)
    sees = {
        "attach": Seen((TRY,)),
        "enter": Seen((UNLINK,), rests=True),
        "slot at first": Seen((UNLINK,), rests=True, holds=slot_is),
        "retire": Seen((UNLINK,)),
        "before _Py_qsbr_advance": Seen((ADVANCE,)),
        "after _Py_qsbr_advance": Seen((REPORT,), rests=True),
        "retired": Seen(AFTER),
        "read sequence": Seen(AFTER, holds=is_read),
        "freed": Seen(AFTER, holds=freed),
        "attached": Seen((LOAD,), rests=True),
        "slot": Seen((LOAD,), rests=True, holds=slot_is),
        "load": Seen((LOAD,)),
        "has": Seen((READ,), rests=True),
        "has still": Seen((READ,), rests=True),
        "has none": Seen((REPORT, DETACH)),
        "done": Seen((READ,)),
        "report": Seen((REPORT,)),
        "reported": Seen((DETACH,)),
        "slot then": Seen((DETACH,), holds=slot_is),
        "detach": Seen((DETACH,)),
        "detached": Seen((UNREGISTER,), rests=True),
        "unregister": Seen((UNREGISTER,)),
        "unregistered": Seen((END,)),
        "reserve": Seen((RESERVE,)),
        "registered": Seen((TRY,)),
        "gone": Seen((END,)),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()
        _probes.delayed_watch()

    def make(self) -> None:
        _probes.delayed_new()
        _probes.qsbr_new()

    @operation
    def write(self, state: object) -> None:
        _probes.qsbr_write(pause)

    @operation(weight=2.0)
    def read(self, state: object) -> None:
        _probes.qsbr_read(pause)

    def check(self, state: object) -> None:
        retired, _ = _probes.delayed_freed()
        if _probes.qsbr_alone(bool(retired)):
            super().check(state)

    def look(self, state: object) -> None:
        retired, given_back = _probes.delayed_freed()
        if retired and not given_back:
            gc.collect()
            retired, given_back = _probes.delayed_freed()
        assert given_back == retired, f"retired: {retired}, freed after a collection: {given_back}"


class ReportsInLookup(QsbrProbe):
    """A thread says that it holds no pointer while it does."""

    @operation(weight=2.0)
    def read(self, state: object) -> None:
        _probes.qsbr_read_reporting(pause)


class OfflineInLookup(QsbrProbe):
    """A thread's slot says that it is detached while it is not."""

    @operation(weight=2.0)
    def read(self, state: object) -> None:
        _probes.qsbr_read_offline(pause)
