"""RC-IMMORTAL held against real immortal objects: their words, whoever counts them."""

from itertools import count

from stressor import _probes
from stressor.mechanisms.refcount.immortal import ALL_ONES, CROWDED, NO_TID, TABLE, ImmortalObjects
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

SAFE, FORK = "safe point", "Py_INCREF of the fork"
FULL = (1 << 32) - 1
"""All ones in `ob_ref_local`, which is `ALL_ONES` in the reference."""
AT_REST = (SAFE, FORK, END)


def scaled(value: int) -> int:
    """A local count in the reference, which has fewer bits: those near all ones keep their distance."""
    return value - FULL + ALL_ONES if value > FULL // 2 else value


def tid_is(model: ImmortalObjects, thread: str, value: int) -> bool:
    """Whether the object in the table has an owner."""
    return (model.tid != NO_TID) == value


def local_is(model: ImmortalObjects, thread: str, value: int) -> bool:
    """The count of the owner of the object in the table."""
    return model.local[TABLE] == scaled(value)


def shared_is(model: ImmortalObjects, thread: str, value: int) -> bool:
    """What others count of the object in the table."""
    return model.shared == value


def crowded_is(model: ImmortalObjects, thread: str, value: int) -> bool:
    """The owner's count of the other object."""
    return model.local[CROWDED] == scaled(value)


def never(model: ImmortalObjects, thread: str, value: int) -> bool:
    """Neither object ends."""
    return False


def nothing(model: ImmortalObjects, thread: str, value: int) -> bool:
    """Nobody but its owner counts the other object."""
    return value == 0


class ImmortalProbe(Probe):
    """Threads count an interned string; one counts an object of its own up to all ones and beyond.

    The string is interned before any of them starts. 3.13 interns strings that others count without
    stopping the world (docs/cpython.md), so that is not held against it here. The words of the nogil
    fork are no part of any interpreter.
    """

    mechanism = ImmortalObjects
    roles = (("owner",), ("other",), ("interner",))
    uses = 1 << 16
    sees = {
        "intern": Seen(("_PyEval_StopTheWorld",)),
        "interned": Seen((END,), rests=True),
        "table tid": Seen(AT_REST, rests=True, holds=tid_is),
        "table local": Seen(AT_REST, rests=True, holds=local_is),
        "table shared": Seen(AT_REST, rests=True, holds=shared_is),
        "crowded local": Seen(AT_REST, rests=True, holds=crowded_is),
        "crowded shared": Seen(AT_REST, rests=True, holds=nothing),
        "crowded dealloc": Seen(AT_REST, rests=True, holds=never),
        "count": Seen((SAFE,)),
        "counted": Seen(AT_REST, rests=True),
    }
    numbers = count()

    def make(self) -> None:
        _probes.immortal_new(next(self.numbers))

    @operation
    def round(self, state: object) -> None:
        _probes.immortal_round()


class WorldNotStopped(ImmortalProbe):
    """An object is made immortal as others count it."""

    def make(self) -> None:
        _probes.immortal_new_table()

    @operation
    def round(self, state: object) -> None:
        _probes.immortal_round_unstopped()
