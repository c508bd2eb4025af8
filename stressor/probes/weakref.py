"""CC-WEAKREF held against the real weak reference: who gets the object, when it dies, what follows.

A getter that has the object reads its shared count, flags and all. Not held: weak references without a
callback, more than one of them, and their making by two threads.
"""

from stressor import _probes
from stressor.mechanisms.containers.weakrefs import WeakReference
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

MAKE, DROP = "_PyObject_SetMaybeWeakref", "_Py_MergeZeroLocalRefcount: load ob_ref_shared"
CLEAR, CALLBACK = "PyObject_ClearWeakRefs: lock", "callback: PyWeakref_NewRef, same lock"
FREE, GET, USE = "tp_free", "the weak reference is there", "use"
SHIFT, MAYBE_WEAKREF, MERGED = 2, 1, 3


def is_dying(model: WeakReference, thread: str, value: int) -> bool:
    """Deallocation begins with no reference left in either count."""
    return model.dying and model.local == model.shared == value


def shared_is(model: WeakReference, thread: str, value: int) -> bool:
    """The word ob_ref_shared: the count, and in its lowest bits what the count stands for."""
    flags = MERGED if model.merged else MAYBE_WEAKREF if model.flag else 0
    return value == model.shared << SHIFT | flags


def is_there(model: WeakReference, thread: str, value: int) -> bool:
    """Whether the weak reference still gives the object, asked by its callback."""
    return model.wr_object == bool(value)


class WeakrefProbe(Probe):
    """One thread makes an object with a weak reference and drops it; others get it by that."""

    mechanism = WeakReference
    sizes = {"getters": 2}
    roles = (("owner",), ("getter1", "getter2"))
    sees = {
        "make": Seen((MAKE,)),
        "made": Seen((DROP,), rests=True),
        "drop": Seen((DROP,)),
        "dropped": Seen((END,), rests=True),
        "get": Seen((GET,)),
        "got none": Seen((END,), rests=True),
        "got": Seen((USE,), rests=True),
        "shared": Seen((USE,), rests=True, holds=shared_is),
        "leave it": Seen((USE,)),
        "left": Seen((END,), rests=True),
        "dies": Seen((CLEAR,), holds=is_dying),
        "called": Seen((CALLBACK,), holds=is_there),
        "ends": Seen((FREE,)),
    }

    def __init__(self) -> None:
        super().__init__()
        self.target = _probes.weakref_target()

    def make(self) -> bytearray:
        return _probes.weakref_scene()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.weakref_round(state, self.target)

    def look(self, state: object) -> None:
        assert isinstance(state, bytearray)
        called = _probes.weakref_drop(state)
        assert called == 1, f"the callback ran {called} times"

    def teardown(self, state: object) -> None:
        assert isinstance(state, bytearray)
        _probes.weakref_drop(state)


class Borrowed(WeakrefProbe):
    """A getter takes the object out of the weak reference, and uses it with no reference of its own."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.weakref_round_borrowed(state, self.target)
