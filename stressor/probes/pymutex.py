"""LK-PYMUTEX held against the real mutex: who holds it, and what its byte is meanwhile."""

from stressor import _probes
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

LOCK, UNLOCK = "PyMutex_Lock: CAS 0 -> locked", "PyMutex_Unlock: CAS locked -> 0"


def byte_is(model: PyMutex, thread: str, value: int) -> bool:
    """The byte that a thread read while it held the mutex."""
    return model.byte == value


class PyMutexProbe(Probe):
    """Threads lock, read the byte, and unlock."""

    mechanism = PyMutex
    sizes = {"threads": 3, "rounds": 2}
    roles = (("T1", "T2", "T3"),)
    uses = 2
    sees = {
        "lock": Seen((LOCK,)),
        "locked": Seen((UNLOCK,), rests=True),
        "bits": Seen((UNLOCK,), rests=True, holds=byte_is),
        "unlock": Seen((UNLOCK,)),
        "unlocked": Seen((LOCK, END), rests=True),
    }

    def make(self) -> bytearray:
        return _probes.mutex_new()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.mutex_round(state)

    def look(self, state: object) -> None:
        assert state == b"\0", f"at rest the byte of the mutex is {state!r}"


class WithoutCas(PyMutexProbe):
    """A free mutex is taken by a load and a store."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.mutex_round_without_cas(state)
