"""LK-ONCE held against the real one-time initialization: who runs the function, who is told what."""

from stressor import _probes
from stressor.mechanisms.locks.once import INITIALIZED, UNLOCKED, OnceFlag
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

FAILURES = 1
CALL, FUNCTION = "_PyOnceFlag_CallOnce: load", "the function"
UNLOCK = "unlock_once: exchange"


def failures_are(model: OnceFlag, thread: str, value: int) -> bool:
    """How often the function has still to fail, which it reads when it runs."""
    return model.failures == value and thread in model.running


def has_run(model: OnceFlag, thread: str, value: int) -> bool:
    """Nobody is told of success before there was one."""
    return model.done > 0


def byte_is(model: OnceFlag, thread: str, value: int) -> bool:
    """The flag's byte, read by a caller that has returned."""
    return model.byte == value


class OnceProbe(Probe):
    """Threads need what is initialized by a function that fails the first time."""

    mechanism = OnceFlag
    sizes = {"threads": 3, "failures": FAILURES}
    roles = (("T1", "T2", "T3"),)
    sees = {
        "call": Seen((CALL,)),
        "runs": Seen((FUNCTION,), rests=True, holds=failures_are),
        "ran": Seen((FUNCTION,)),
        "succeeded": Seen((END,), rests=True, holds=has_run),
        "failed": Seen((END,), rests=True),
        "byte": Seen((END,), rests=True, holds=byte_is),
    }

    def make(self) -> bytearray:
        return _probes.once_new()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.once_round(state)

    def look(self, state: object) -> None:
        assert isinstance(state, bytearray)
        byte, to_come, told = _probes.once_seen(state)
        failed = FAILURES - to_come
        assert told == failed, f"{told} callers were told of {failed} failures"
        assert byte in (UNLOCKED, INITIALIZED), f"at rest the byte of the flag is {byte}"


class WithoutSwap(OnceProbe):
    """Who has read 0 runs the function, without comparing when it locks the flag."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.once_round_without_swap(state)
