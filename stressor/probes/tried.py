"""RC-TRYINC held against the real reads of a list and of a weak reference."""

from stressor import _probes
from stressor.mechanisms.refcount.tried import NO_TID, ConditionalIncrement
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

FLAG = "_PyObject_SetMaybeWeakref: CAS in the flag"
CLEAR = "list.clear: store, under the list's lock"
MALLOC = "PyObject_Malloc, PyObject_Init: the same address, if it is free"
DROP = "Py_DECREF: store ob_ref_local"
READ, ASK = "list_get_item_ref: load slot", "_PyWeakref_GET_REF: load wr_object"
GIVE = "_Py_DecRefShared: CAS - 4"


def tid_is(model: ConditionalIncrement, thread: str, value: int) -> bool:
    """Whether the object has an owner."""
    return (model.tid != NO_TID) == value


def local_is(model: ConditionalIncrement, thread: str, value: int) -> bool:
    """The owner's count."""
    return model.local == value


def shared_is(model: ConditionalIncrement, thread: str, value: int) -> bool:
    """The others' count and the flag, laid out as in the interpreter."""
    return model.shared == value


def lives(model: ConditionalIncrement, thread: str, value: int) -> bool:
    """Which of the two objects that the address has had this is."""
    return model.lives == value


def died(model: ConditionalIncrement, thread: str, value: int) -> bool:
    """An object was deallocated, and there were but two."""
    return model.lives == 0 and value <= 2


class TriedProbe(Probe):
    """Two readers count an object that its owner lets die and puts another one in the place of.

    The memory of both stays readable all the time, which for other objects is MM-QSBR's part.
    """

    mechanism = ConditionalIncrement
    sizes = {"reads": 2}
    roles = (("owner",), ("reader",), ("weakref reader",))
    uses = 1 << 16
    sees = {
        "refer": Seen((FLAG,)),
        "referred": Seen((CLEAR,), rests=True),
        "clear": Seen((CLEAR,)),
        "cleared": Seen((MALLOC,), rests=True),
        "make again": Seen((MALLOC,)),
        "drop": Seen((DROP,)),
        "dropped": Seen((END,), rests=True),
        "get": Seen((READ,)),
        "ask": Seen((ASK,)),
        "nothing": Seen((READ, END), rests=True),
        "got": Seen((GIVE,), rests=True, holds=lives),
        "give back": Seen((GIVE,)),
        "given back": Seen((READ, END), rests=True),
        "dealloc": Seen((MALLOC, READ, END), rests=True, holds=died),
        "ob_tid": Seen((CLEAR, GIVE), rests=True, holds=tid_is),
        "ob_ref_local": Seen((CLEAR, GIVE), rests=True, holds=local_is),
        "ob_ref_shared": Seen((CLEAR, GIVE), rests=True, holds=shared_is),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.tried_new()

    @operation
    def round(self, state: object) -> None:
        _probes.tried_round()


class Unchecked(TriedProbe):
    """A reader counts whatever it has read, and does not look again."""

    @operation
    def round(self, state: object) -> None:
        _probes.tried_round_unchecked()
