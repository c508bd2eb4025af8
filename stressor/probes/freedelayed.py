"""MM-FREEDELAY held against the real delayed free, by way of a list's array."""

import gc

from stressor import _probes
from stressor.mechanisms.reclaim.freedelay import FreeDelayed
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

ATTACH, STORE = "_Py_qsbr_attach", "store the pointer to new memory"
LOAD, READ = "load the pointer", "read through it"
REPORT, MAYBE = "_Py_qsbr_quiescent_state", "maybe_process_interp_queue: load has_work, try to lock"
LOCK = "_PyMem_AbandonDelayed: lock, concat"
OWN, OWN_FREED = "process_queue: _Py_qsbr_poll, free_work_item", "process_queue: rd_idx++"
SHARED = "process_interp_queue: _Py_qsbr_poll, free_work_item"
SHARED_FREED = "process_interp_queue: rd_idx++"
UNLOCK, DETACH = "process_interp_queue: unlock", "_Py_qsbr_detach"
AT_WORK = (REPORT, OWN, MAYBE, LOCK, SHARED, UNLOCK, DETACH, END)
OLD, NEW = "0 of owner1", "1 of owner1"


def has(model: FreeDelayed, thread: str, value: int) -> bool:
    """What the reader has in its hands: the old memory, or not."""
    return model.raw == (OLD if value else NEW)


def freed(model: FreeDelayed, thread: str, value: int) -> bool:
    """The old memory was given back."""
    return OLD in model.freed


class FreeDelayedProbe(Probe):
    """One thread retires a list's array, another has a pointer into it or comes too late for one.

    The owner is a worker, which does not end: what it has not freed by the end of a round a
    collection has to. In the reference it may give its queue away at any time after its first look.
    """

    mechanism = FreeDelayed
    sizes = {"owners": 1, "items": 1, "limit": 1}
    roles = (("owner1",), ("reader",))
    uses = 1 << 16
    sees = {
        "enter": Seen((ATTACH,)),
        "retire": Seen((STORE,)),
        "retired": Seen(AT_WORK),
        "freed": Seen((OWN_FREED, SHARED_FREED, REPORT), holds=freed),
        "load": Seen((LOAD,)),
        "has": Seen((READ,), rests=True, holds=has),
        "has still": Seen((READ,), rests=True),
        "done": Seen((READ,)),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()
        _probes.delayed_watch()

    def make(self) -> None:
        _probes.delayed_new()

    @operation
    def round(self, state: object) -> None:
        _probes.delayed_round()

    def look(self, state: object) -> None:
        retired, given_back = _probes.delayed_freed()
        if retired and not given_back:
            gc.collect()
            retired, given_back = _probes.delayed_freed()
        assert given_back == retired, f"retired: {retired}, freed after a collection: {given_back}"


class FreesAtOnce(FreeDelayedProbe):
    """What nobody can find any more is freed."""

    @operation
    def round(self, state: object) -> None:
        _probes.delayed_round_at_once()
