"""RC-BRC held against the real counts: what the three words may be, and when the object ends."""

import gc

from stressor import _probes
from stressor.mechanisms.refcount.biased import COMPARE, NO_TID, BiasedCounting
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

EVAL_BREAKER = "eval breaker"
MERGES = ("_Py_brc_merge_refcounts: take one", "_Py_brc_remove_thread: queue empty, unlink")


def tid_is(model: BiasedCounting, thread: str, value: int) -> bool:
    """Whether the object has an owner."""
    return (model.tid != NO_TID) == value


def local_is(model: BiasedCounting, thread: str, value: int) -> bool:
    """The owner's count."""
    return model.local == value


def shared_is(model: BiasedCounting, thread: str, value: int) -> bool:
    """The count and the flag, laid out as in the interpreter."""
    return model.shared == value


def died(model: BiasedCounting, thread: str, value: int) -> bool:
    """The object was deallocated, for the first time."""
    return model.freed and value == 1


class BiasedProbe(Probe):
    """The owner and two others count one object up and down; one of the others makes the owner gifts.

    All look at the words before each count, and the others when they have nothing left.

    The owner merges wherever it comes to the eval breaker, and notes only what dies then. What a
    thread of this probe cannot do is end, which RC-MERGEQ is about.
    """

    mechanism = BiasedCounting
    sizes = {"others": 2, "extra": 1, "gifts": 2}
    roles = (("owner",), ("other1", "other2"))
    uses = 1 << 16  # the C side knows how often
    sees = {
        "ob_tid": Seen((COMPARE, END), rests=True, holds=tid_is),
        "ob_ref_local": Seen((COMPARE, END), rests=True, holds=local_is),
        "ob_ref_shared": Seen((COMPARE, END), rests=True, holds=shared_is),
        "count": Seen((COMPARE,)),
        "counted": Seen((COMPARE, END), rests=True),
        "owner counted": Seen((EVAL_BREAKER,)),
        "dealloc": Seen((COMPARE, END, EVAL_BREAKER, *MERGES), holds=died),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.brc_new()

    @operation
    def round(self, state: object) -> None:
        for _ in range(2):  # with the eval breaker in between
            _probes.brc_round()

    def look(self, state: object) -> None:
        deaths = _probes.brc_settle()
        if not deaths:
            gc.collect()  # what is queued for a thread that sleeps
            deaths = _probes.brc_settle()
        assert deaths == 1, f"an object without references was deallocated {deaths} times"


class ByLoadAndStore(BiasedProbe):
    """The shared count goes up by a load and a store."""

    @operation
    def round(self, state: object) -> None:
        for _ in range(2):
            _probes.brc_round_by_store()


class LocalOnly(BiasedProbe):
    """The owner takes the object for dead when its own count is zero."""

    @operation
    def round(self, state: object) -> None:
        for _ in range(2):
            _probes.brc_round_local_only()
