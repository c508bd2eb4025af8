"""LK-EVENT held against the real event: who returns when, and what the byte is then.

Not held: waits that a signal interrupts, and waits without detaching.
"""

from stressor import _probes
from stressor.mechanisms.locks.event import SET, TIMED, PyEvent
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

NOTIFY, WAIT = "_PyEvent_Notify: exchange", "PyEvent_WaitTimed: load"


def byte_is(model: PyEvent, thread: str, value: int) -> bool:
    """The byte that a thread read which has returned; it uses the event no longer, says the model."""
    return model.byte == value


def is_set(model: PyEvent, thread: str, value: int) -> bool:
    """Whoever is told so may rely on it."""
    return model.byte == SET


def is_expired(model: PyEvent, thread: str, value: int) -> bool:
    """Told when the time is over, and while the event is not set."""
    return model.expired and model.byte != SET


class EventProbe(Probe):
    """One thread waits, one waits for some time only, and one sets the event."""

    mechanism = PyEvent
    sizes = {"waiters": 1}
    roles = (("notifier",), (TIMED,), ("W1",))
    sees = {
        "notify": Seen((NOTIFY,)),
        "notified": Seen((END,), rests=True),
        "wait for a while": Seen((WAIT,)),
        "set in time": Seen((END,), rests=True, holds=is_set),
        "too late": Seen((END,), rests=True, holds=is_expired),
        "wait": Seen((WAIT,)),
        "waited": Seen((END,), rests=True, holds=is_set),
        "byte": Seen((END,), rests=True, holds=byte_is),
    }

    def make(self) -> bytearray:
        return _probes.event_new()

    @operation
    def round(self, state: bytearray) -> None:
        _probes.event_round(state)


class LooksAgain(EventProbe):
    """The notifier looks at the event when it has set it; the last waiter may have freed it."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.event_round_looking(state)


class TimeOutIsTrue(EventProbe):
    """A wait whose time is over says that the event was set."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.event_round_as_if_set(state)
