"""RC-BORROW held against what replaced the borrowing calls, on a list, a dict and a weak reference."""

from stressor import _probes
from stressor.mechanisms.refcount.borrowed import ITEM, REFERENT, VALUE, BorrowedReferences
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Holds, Seen
from stressor.targets.definition import operation

LIST = "PyList_GetItemRef: load and Py_NewRef under the list's lock"
DICT = "PyDict_GetItemRef: load and Py_NewRef under the dict's lock"
WEAK = "PyWeakref_GetRef: load and _Py_TryIncref under the weakref's lock"
BEGIN, END_SECTION = "Py_BEGIN_CRITICAL_SECTION", "Py_END_CRITICAL_SECTION"
USE, USE_LENT = "use", "use the lent value"
CLEAR, OVERWRITE = "list.clear: store under the list's lock", "dict[key] = other: lock, store"
DROP, MALLOC = "Py_DECREF", "PyObject_Malloc: the item's address, if it is free"
IDLE = (BEGIN, END)
AFTER_FREE = (OVERWRITE, DROP, MALLOC, BEGIN, END)


def lives(name: str) -> Holds:
    """Which object the address has; it was told by who holds a reference."""
    return lambda model, thread, value: model.lives[name] == value


def freed(name: str) -> Holds:
    """The first object at the address is no more."""
    return lambda model, thread, value: model.lives[name] != 1 and value == 1


class BorrowedProbe(Probe):
    """Three readers, and a writer that clears, overwrites and drops what they read.

    An object's memory stays readable, and goes to a second one; so a reader that counted too late
    tells the wrong serial number, or holds what its owner has seen die.
    """

    mechanism = BorrowedReferences
    roles = (("writer",), ("list reader",), ("dict reader",), ("weakref reader",))
    uses = 1 << 16
    sees = {
        "get item": Seen((LIST,)),
        "get value": Seen((DICT,)),
        "ask": Seen((WEAK,)),
        "nothing": Seen(IDLE, rests=True),
        "item": Seen((USE,), rests=True, holds=lives(ITEM)),
        "value": Seen((USE,), rests=True, holds=lives(VALUE)),
        "referent": Seen((USE,), rests=True, holds=lives(REFERENT)),
        "give back": Seen((USE,)),
        "given back": Seen(IDLE, rests=True),
        "lock": Seen((BEGIN,)),
        "lent": Seen((USE_LENT,), rests=True, holds=lives(VALUE)),
        "lent nothing": Seen((END_SECTION,)),
        "unlock": Seen((USE_LENT, END_SECTION)),
        "unlocked": Seen((END,), rests=True),
        "clear list": Seen((CLEAR,)),
        "cleared": Seen((OVERWRITE,), rests=True),
        "overwrite": Seen((OVERWRITE,)),
        "drop referent": Seen((DROP,)),
        "dropped": Seen((MALLOC,), rests=True),
        "use again": Seen((MALLOC,)),
        "used again": Seen((END,), rests=True),
        "item dealloc": Seen(AFTER_FREE, holds=freed(ITEM)),
        "value dealloc": Seen(AFTER_FREE, holds=freed(VALUE)),
        "referent dealloc": Seen(AFTER_FREE, holds=freed(REFERENT)),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.borrow_new()

    @operation
    def round(self, state: object) -> None:
        _probes.borrow_round()


class Borrows(BorrowedProbe):
    """The item is counted some time after it was read, as with PyList_GetItem."""

    @operation
    def round(self, state: object) -> None:
        _probes.borrow_round_borrowing()
