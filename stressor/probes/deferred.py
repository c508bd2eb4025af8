"""RC-DEFER held against code objects of compile() and functions, in a process of several threads."""

import gc

from stressor import _probes
from stressor.mechanisms.refcount.deferred import (
    IMMORTAL,
    IN_COMPILE,
    LATER,
    DeferredCounting,
)
from stressor.probes.base import Probe
from stressor.probes.collecting import collect_when_asked
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

ATTACH = "new_threadstate: load gc.immortalize"
COMPILE, MAKE = "compile: immortalize - 2", "make the object"
DROP, STOP, AT_THE_END = "Py_DECREF", "_PyEval_StopTheWorld", "at the end"
FULL = (1 << 32) - 1
"""`ob_ref_local` of what is immortal."""


def has_owner(model: DeferredCounting, thread: str, value: int) -> bool:
    """Code is not merged, as nobody asks for that."""
    return value == 1


def local_is(model: DeferredCounting, thread: str, value: int) -> bool:
    """The owner's count of the code, with the deferred one."""
    return model.local[IN_COMPILE] == value


def shared_is(model: DeferredCounting, thread: str, value: int) -> bool:
    """The others' count of the code and the flag, laid out as in the interpreter."""
    return model.shared[IN_COMPILE] == value


def owner_is_gone(model: DeferredCounting, thread: str, value: int) -> bool:
    """What is immortal has no owner."""
    return model.kind[LATER] == IMMORTAL and not value


def is_full(model: DeferredCounting, thread: str, value: int) -> bool:
    """The function is marked as immortal."""
    return model.kind[LATER] == IMMORTAL and value == FULL


def is_zero(model: DeferredCounting, thread: str, value: int) -> bool:
    """Nobody counts the function."""
    return model.kind[LATER] == IMMORTAL and value == 0


def died(model: DeferredCounting, thread: str, value: int) -> bool:
    """The code was freed."""
    return IN_COMPILE in model.freed


class DeferredProbe(Probe):
    """Code that compile() makes is counted by two threads and collected by a third.

    All that is deferred was made immortal when the process got its second thread, long before a
    round; that pass itself cannot be seen again, and what the reference has of it is over at the
    beginning. A function that is made afterwards has to be immortal at once.
    """

    mechanism = DeferredCounting
    roles = (("main",), ("second",), ("collector",))
    uses = 1 << 16
    sees = {
        "attach": Seen((ATTACH,)),
        "attached": Seen((DROP,)),
        "compile": Seen((COMPILE,)),
        "compiled": Seen((MAKE,)),
        "create": Seen((MAKE,)),
        "created": Seen((DROP,)),
        "drop": Seen((DROP,)),
        "over": Seen((END,), rests=True),
        "collect": Seen((STOP,)),
        "collect at the end": Seen((AT_THE_END,)),
        "collected": Seen((AT_THE_END, END), rests=True),
        "code died": Seen((AT_THE_END, END), rests=True, holds=died),
        "code tid": Seen((MAKE, DROP), holds=has_owner),
        "code local": Seen((MAKE, DROP), holds=local_is),
        "code shared": Seen((MAKE, DROP), holds=shared_is),
        "function tid": Seen((DROP, END), holds=owner_is_gone),
        "function local": Seen((DROP, END), holds=is_full),
        "function shared": Seen((DROP, END), holds=is_zero),
    }

    def __init__(self) -> None:
        super().__init__()
        collect_when_asked()

    def make(self) -> None:
        _probes.defer_new()

    @operation
    def round(self, state: object) -> None:
        _probes.defer_round()

    def look(self, state: object) -> None:
        made, dead = _probes.defer_settle()
        if made and not dead:
            gc.collect()
            made, dead = _probes.defer_settle()
        assert made == dead, "a collection has not freed code that nobody refers to"


class Queues(DeferredProbe):
    """Who would bring the shared count below zero leaves its reference to the owner unasked."""

    @operation
    def round(self, state: object) -> None:
        _probes.defer_round_queueing()
