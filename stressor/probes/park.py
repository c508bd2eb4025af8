"""LK-RAW and LK-PARK held against the real parking lot: whom it wakes, and what its buckets exclude.

Of LK-RAW only mutual exclusion and progress are held: the word of a bucket is local to the
interpreter. Of LK-PARK not held: fork, and waking while the world is stopped.
"""

from stressor import _probes
from stressor.mechanisms.locks.park import ADDRESS, ParkingLot
from stressor.mechanisms.locks.raw import RawMutex
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

LOCK, UNLOCK = "_PyRawMutex_Lock: CAS 0 -> locked", "_PyRawMutex_Unlock: CAS locked -> 0"

PARK, STORE_A, STORE_B = "_PyParkingLot_Park: lock bucket", "store *a", "store *b"
UNPARK_ALL, UNPARK = "_PyParkingLot_UnparkAll: lock bucket", "_PyParkingLot_Unpark: lock bucket"
TAKE = "_PyParkingLot_Unpark: take first, unlock bucket"
OK, AGAIN, TIMEOUT = 0, -1, -2


def is_alone(model: RawMutex, thread: str, value: int) -> bool:
    """How many others were inside when the thread came in."""
    return model.owners == {thread} and value == 0


class RawProbe(Probe):
    """Threads call something under the mutex of one bucket, for two addresses."""

    mechanism = RawMutex
    sizes = {"threads": 3}
    roles = (("T1", "T2", "T3"),)
    sees = {
        "lock": Seen((LOCK,)),
        "locked": Seen((UNLOCK,), rests=True),
        "alone": Seen((UNLOCK,), rests=True, holds=is_alone),
        "inside": Seen((UNLOCK,), rests=True),
        "unlock": Seen((UNLOCK,)),
        "unlocked": Seen((END,), rests=True),
    }

    def make(self) -> bytearray:
        return _probes.park_new()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.raw_round(state)


class WithoutBucket(RawProbe):
    """The same is called without the bucket's mutex."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.raw_round_without_bucket(state)


def result_is(model: ParkingLot, thread: str, value: int) -> bool:
    """Why a waiter came back: woken or not parked only after the store, else its time was over."""
    if value == TIMEOUT:
        return model.expired
    return value in (OK, AGAIN) and model.value[ADDRESS[thread]] != 0


def first_is(model: ParkingLot, thread: str, value: int) -> bool:
    """Whether there is anybody to take."""
    return ("B1" in model.queue) == bool(value)


class ParkProbe(Probe):
    """Two wait on one address, one of them for some time only, and one on another in the same bucket."""

    mechanism = ParkingLot
    sizes = {"forks": 0, "stops": 0}
    roles = (("waker",), ("A2",), ("B1",), ("A1",))
    sees = {
        "store a": Seen((STORE_A,)),
        "stored a": Seen((UNPARK_ALL,), rests=True),
        "unpark all": Seen((UNPARK_ALL,)),
        "unparked all": Seen((STORE_B,), rests=True),
        "store b": Seen((STORE_B,)),
        "stored b": Seen((UNPARK,), rests=True),
        "unpark": Seen((UNPARK,)),
        "taken": Seen((TAKE,), holds=first_is),
        "unparked": Seen((END,), rests=True),
        "park": Seen((PARK,)),
        "parked": Seen((END,), rests=True, holds=result_is),
    }

    def make(self) -> bytearray:
        return _probes.park_new()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.park_round(state)


class WakesEarly(ParkProbe):
    """Wakes the waiters before the value is stored."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.park_round_early(state)


class WakesBucket(ParkProbe):
    """Wakes the waiters of the other address in the bucket too."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.park_round_bucket(state)
