"""RC-MERGEQ held against the real queue: who ends an object whose owner ends as well."""

import _thread

from stressor import _probes
from stressor.mechanisms.refcount.mergequeue import CHILD, NO_TID, PARENT, MergeQueue
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Holds, Seen
from stressor.targets.definition import operation

LOAD, LEAVE = "_Py_HandlePending: load eval_breaker", "_Py_brc_remove_thread: lock, look"
DROP, DROP_CHILD = "_Py_DecRefShared", "Py_DECREF: compare ob_tid"
MERGE = "_Py_ExplicitMergeRefcount: store ob_ref_local and ob_tid"
OWNER_SLOT, HEIR_SLOT = 0, 1
LIVES = 200
"""Steps of the two threads: about as long as another needs to drop what it has."""


def tid_of(name: str) -> Holds:
    """Whether the object has an owner."""
    return lambda model, thread, value: (model.tid[name] != NO_TID) == value


def local_of(name: str) -> Holds:
    """The owner's count."""
    return lambda model, thread, value: model.local[name] == value


def shared_of(name: str) -> Holds:
    """The others' count and the flag, laid out as in the interpreter."""
    return lambda model, thread, value: model.shared[name] == value


def ended(name: str) -> Holds:
    """The object was deallocated, for the first time."""
    return lambda model, thread, value: name in model.freed and value == 1


class MergeQueueProbe(Probe):
    """Two threads each drop an object of a third, which ends, as does the next thread of its id.

    All see the words of their object before and after. That the owner merges at the eval breaker or
    at its end, and the heir in its place, shows in who deallocates. Out of memory is left out.
    """

    mechanism = MergeQueue
    sizes = {"checks": 2, "shortages": 0}
    roles = (("owner", "heir"), ("other1", "other2"))
    uses = 1 << 16
    sees = {
        "starts": Seen(("_Py_brc_init_thread",)),
        "alive": Seen((LOAD, LEAVE)),
        "gone": Seen((END,), rests=True),
        "drop": Seen((DROP,)),
        "dropped": Seen((END,), rests=True),
        "parent dealloc": Seen((DROP_CHILD,), holds=ended(PARENT)),
        "child dealloc": Seen((END, LOAD, LEAVE, MERGE), holds=ended(CHILD)),
        "parent tid": Seen((DROP, END), holds=tid_of(PARENT)),
        "parent local": Seen((DROP, END), holds=local_of(PARENT)),
        "parent shared": Seen((DROP, END), holds=shared_of(PARENT)),
        "child tid": Seen((DROP, END), holds=tid_of(CHILD)),
        "child local": Seen((DROP, END), holds=local_of(CHILD)),
        "child shared": Seen((DROP, END), holds=shared_of(CHILD)),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.mergeq_new()

    @operation
    def round(self, state: object) -> None:
        if _probes.mergeq_start():
            for slot in (OWNER_SLOT, HEIR_SLOT):
                if slot == HEIR_SLOT:
                    _probes.mergeq_tell(slot, False)
                _thread.start_joinable_thread(self.live).join()
                _probes.mergeq_tell(slot, True)
        else:
            self.drop()

    def live(self) -> None:
        """What owner and heir do: nothing, but come to the eval breaker again and again."""
        _probes.mergeq_live()
        for _ in range(LIVES):
            pass
        _probes.mergeq_alive()

    def drop(self) -> None:
        """Give a reference back."""
        _probes.mergeq_drop()

    def look(self, state: object) -> None:
        made, *deaths = _probes.mergeq_settle()
        assert not made or deaths == [1, 1], f"parent and child were deallocated {deaths} times"


class NeverQueues(MergeQueueProbe):
    """The shared count goes below zero, and nothing is queued."""

    def drop(self) -> None:
        _probes.mergeq_drop_unqueued()


class MergesItself(MergeQueueProbe):
    """Who should queue an object merges it at once, though its owner lives."""

    def drop(self) -> None:
        _probes.mergeq_drop_merging()
