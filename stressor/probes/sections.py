"""LK-CS1, LK-CS2, LK-CSSUSP held against the real critical sections: records, mutexes, what they guard.

A thread reads the records of its own sections (`native/probes/sections.c`), and whether the mutexes of
the two objects are locked. Not held: the order in which waiters get a mutex, which LK-PYMUTEX has.
"""

import gc

from stressor import _probes
from stressor.mechanisms.locks.onesection import OneSection
from stressor.mechanisms.locks.sections import NOBODY, Sections
from stressor.mechanisms.locks.suspension import COLLECTOR, Suspension
from stressor.mechanisms.locks.twosections import TwoSections
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

type Scene = tuple[list[object], list[object], bytearray]

ACTIVE, RECORD, BITS = 1, 8, 4
OF_OBJECT = {"A": 2, "B": 4}

BEGIN_A, BEGIN_B = (f"PyCriticalSection_Begin({each}): PyMutex_LockFast" for each in "AB")
END_A, END_B = (f"PyCriticalSection_End: PyMutex_Unlock({each})" for each in "AB")
END_TWO = "PyCriticalSection2_End: PyMutex_Unlock(B)"
LOAD, STORE = "load the count", "store the count"
SAVE, ATTACH = "PyEval_SaveThread", "_PyThreadState_Attach"
BEGIN_TWO = "PyCriticalSection2_Begin: PyMutex_LockFast(A)"
SUSPEND = "_PyThreadState_Suspend, if asked to"
STOP, START = "stop_the_world", "start_the_world"


def records_are(model: Sections, thread: str, value: int) -> bool:
    """The records of the thread's sections, innermost first, as sections.c writes them."""
    seen = 0
    for number, (mutexes, active) in enumerate(reversed(model.stack[thread])):
        bits = RECORD | (ACTIVE if active else 0) | sum(OF_OBJECT[each] for each in mutexes)
        seen |= bits << BITS * number
    return seen == value


def a_is_locked(model: Sections, thread: str, value: int) -> bool:
    """Whether anybody has the mutex of A."""
    return (model.owner["A"] != NOBODY) == bool(value)


def b_is_locked(model: Sections, thread: str, value: int) -> bool:
    """Whether anybody has the mutex of B."""
    return (model.owner["B"] != NOBODY) == bool(value)


def count_is(model: OneSection, thread: str, value: int) -> bool:
    """The count of an object, which its section guards."""
    return model.count["AB"[value & 1]] == value >> 1


def looks(*at: str) -> dict[str, Seen]:
    """What `scene_look` and `scene_detach` note, for a thread that looks at these places."""
    return {
        "records": Seen(at, rests=True, holds=records_are),
        "A locked": Seen(at, rests=True, holds=a_is_locked),
        "B locked": Seen(at, rests=True, holds=b_is_locked),
        "save": Seen((SAVE,)),
        "detached": Seen((ATTACH,)),
        "records detached": Seen((ATTACH,), holds=records_are),
        "A locked, detached": Seen((ATTACH,), holds=a_is_locked),
        "B locked, detached": Seen((ATTACH,), holds=b_is_locked),
    }


def free(state: object) -> None:
    """At rest, both mutexes are free and nobody waits for them."""
    assert isinstance(state, tuple)
    assert _probes.scene_bits(state) == (0, 0), f"bits at rest: {_probes.scene_bits(state)}"


class OneSectionProbe(Probe):
    """Threads nest sections on two objects, in both orders, and count in each."""

    mechanism = OneSection
    sizes = {"threads": 3}
    roles = (("T1", "T3"), ("T2",))
    sees = looks(LOAD) | {
        "begin A": Seen((BEGIN_A,)),
        "begin B": Seen((BEGIN_B,)),
        "in A": Seen((BEGIN_B,), rests=True),
        "in B": Seen((BEGIN_A,), rests=True),
        "in both": Seen((LOAD,), rests=True),
        "load": Seen((LOAD,)),
        "loaded": Seen((STORE,), rests=True, holds=count_is),
        "store": Seen((STORE,)),
        "stored": Seen((END_A, END_B), rests=True),
        "end": Seen((END_A, END_B)),
        "in outer": Seen((LOAD,), rests=True),
        "out": Seen((END,), rests=True),
    }

    def make(self) -> Scene:
        return _probes.scene_new()

    @operation
    def round(self, state: Scene) -> None:
        _probes.one_section_round(state)

    def look(self, state: object) -> None:
        free(state)


class OuterStaysSuspended(OneSectionProbe):
    """A section ends without resuming the one below."""

    @operation
    def round(self, state: Scene) -> None:
        _probes.one_section_round_without_resume(state)


class TwoSectionsProbe(Probe):
    """Sections on two objects in both orders, one blocked in, and one on the same object twice."""

    mechanism = TwoSections
    roles = (("T1",), ("T2",), ("T3",))
    sees = looks(SAVE, END_TWO, BEGIN_A, END_A, END_B) | {
        "begin A, B": Seen((BEGIN_TWO,)),
        "begin B, A": Seen((BEGIN_TWO,)),
        "in two": Seen((SAVE,), rests=True),
        "in two again": Seen((END_TWO,), rests=True),
        "begin B": Seen((BEGIN_B,)),
        "in B": Seen((BEGIN_A,), rests=True),
        "begin A, A": Seen((BEGIN_A,)),
        "in A, A": Seen((END_A,), rests=True),
        "in B again": Seen((END_B,), rests=True),
        "end": Seen((END_TWO, END_A, END_B)),
        "out": Seen((END,), rests=True),
    }

    def make(self) -> Scene:
        return _probes.scene_new()

    @operation
    def round(self, state: Scene) -> None:
        _probes.two_sections_round(state)

    def look(self, state: object) -> None:
        free(state)


class OneInTheOther(TwoSectionsProbe):
    """Two nested sections are taken for one on both objects."""

    @operation
    def round(self, state: Scene) -> None:
        _probes.two_sections_round_nested(state)


class SuspensionProbe(Probe):
    """Two threads nest in opposite order; one detaches within, the other is stopped by a third.

    The third stops the world with `PyUnstable_GC_VisitObjects`, and looks at the mutexes meanwhile.
    """

    mechanism = Suspension
    roles = (("T1",), ("T2",), (COLLECTOR,))
    sees = looks(SAVE, SUSPEND, END_A, END_B) | {
        "come": Seen((ATTACH,)),
        "here": Seen((BEGIN_A, BEGIN_B), rests=True),
        "begin A": Seen((BEGIN_A,)),
        "begin B": Seen((BEGIN_B,)),
        "in A": Seen((BEGIN_B,), rests=True),
        "in B": Seen((BEGIN_A,), rests=True),
        "may block": Seen((SAVE,), rests=True),
        "may stop": Seen((SUSPEND,), rests=True),
        "call": Seen((SUSPEND,)),
        "in A, B": Seen((END_B,), rests=True),
        "in B, A": Seen((END_A,), rests=True),
        "back in A": Seen((END_A,), rests=True),
        "back in B": Seen((END_B,), rests=True),
        "end": Seen((END_A, END_B)),
        "out": Seen((END,), rests=True),
        "stop": Seen((STOP,)),
        "stopped, A locked": Seen((START,), holds=a_is_locked),
        "stopped, B locked": Seen((START,), holds=b_is_locked),
        "started": Seen((BEGIN_A,), rests=True),
        "in A alone": Seen((END_A,), rests=True),
    }

    def __init__(self) -> None:
        super().__init__()
        gc.disable()  # a collection would stop the world too, and the reference knows one stop only

    def make(self) -> Scene:
        return _probes.scene_new()

    @operation
    def round(self, state: Scene) -> None:
        _probes.suspension_round(state, nothing)

    def look(self, state: object) -> None:
        free(state)


class KeepsWhileBlocked(SuspensionProbe):
    """A thread that blocks keeps the inner of its two locks."""

    @operation
    def round(self, state: Scene) -> None:
        _probes.suspension_round_keeping(state, nothing)


def nothing() -> None:
    """Python code: looks at the eval breaker when it begins."""
