"""TS-BREAKER held against a real thread's word: no event that is sent to it is lost, nor its version.

The target is sent an exception, objects whose counts it has to merge, and a new version of the
instrumentation, while it looks at its word and sees to it. Stops of the world, pending calls and
collections have bits of their own in that word; they have probes of their own, too.
"""

import gc
import sys

from stressor import _probes
from stressor.mechanisms.threads.breaker import EVENTS, TARGET, VERSION, EvalBreaker
from stressor.probes.base import Probe
from stressor.probes.monitor import Seen
from stressor.probes.threadstate import pause
from stressor.targets.definition import operation

HANDLE, PUSH = "evaluate", "_Py_brc_queue_object: push"
RAISE, MOVE = "PyThreadState_SetAsyncExc: exchange async_exc", "set_version_raw: load"


def bits_are(model: EvalBreaker, thread: str, value: int) -> bool:
    """The event bits of the target's word, as the reference numbers them."""
    return model.word[TARGET] & EVENTS == value


def version_is(model: EvalBreaker, thread: str, value: int) -> bool:
    """Whether the version in the word has moved on."""
    return model.word[TARGET] & ~EVENTS == VERSION * (1 + value)


def raised_is(model: EvalBreaker, thread: str, value: int) -> bool:
    """How many exceptions were raised in the target."""
    return model.raised == value


def merged_is(model: EvalBreaker, thread: str, value: int) -> bool:
    """How many objects the target has merged, which freed them."""
    return model.merged == value


class BreakerProbe(Probe):
    """A thread that sees to what three others send."""

    mechanism = EvalBreaker
    sizes = {"merges": 2, "looks": 5}  # one more than there are
    roles = ((TARGET,), ("merger",), ("raiser",), ("monitor",))
    sees = {
        "listens": Seen((HANDLE,), rests=True),
        "bits": Seen((HANDLE,), rests=True, holds=bits_are),
        "version": Seen((HANDLE,), rests=True, holds=version_is),
        "handle": Seen((HANDLE,)),
        "handled": Seen((HANDLE,), rests=True),
        "raised": Seen((HANDLE,), rests=True, holds=raised_is),
        "merged": Seen((HANDLE,), rests=True, holds=merged_is),
        "queue": Seen((PUSH,)),
        "queued": Seen((PUSH, "merger ends"), rests=True),
        "raise": Seen((RAISE,)),
        "sent": Seen(("raiser ends",), rests=True),
        "move": Seen((MOVE,)),
        "moved": Seen(("monitor ends",), rests=True),
    }

    def make(self) -> None:
        gc.disable()  # a collection merges counts, too
        _probes.breaker_begin()

    @operation(weight=2.0)
    def see_to_it(self, state: object) -> None:
        _probes.breaker_target(pause)

    @operation
    def queue(self, state: object) -> None:
        _probes.breaker_merge()

    @operation
    def send(self, state: object) -> None:
        _probes.breaker_raise()

    @operation
    def move(self, state: object) -> None:
        _probes.breaker_version(sys.monitoring.restart_events)


class SetByStore(BreakerProbe):
    """The exception's bit is set by a load and a store. No version moves: losing one loops."""

    @operation(weight=2.0)
    def send(self, state: object) -> None:
        _probes.breaker_raise_by_store()

    @operation(weight=0.01)
    def move(self, state: object) -> None:
        """Not in this twin."""
