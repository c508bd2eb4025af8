"""TS-PENDING held against real pending calls: each runs once, where it may, in order, and is told of.

The calls that threads leave are run by whoever evaluates Python when it finds its bit set: workers
wherever they are, and the main thread, which waits for them, when they have ended. CPython 3.13 loses
calls for the main thread (docs/cpython.md, `corpus/cpython/pending_call_lost.py`), so the probe holds it
against the reference with that defect; `AsItShouldBe` is held against the correct one, and finds it.
Not held against the reference: calls that fail, for what they raise would come up in the harness.
"""

import threading
from typing import ClassVar

from stressor import _probes
from stressor.mechanisms.base import Step, Steps
from stressor.mechanisms.threads.pending import (
    AGAIN,
    FAILS,
    LAST,
    MAIN,
    MAIN_ONLY,
    OTHER,
    PendingCalls,
)
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.probes.threadstate import pause
from stressor.targets.definition import operation

CALLS = (AGAIN, FAILS, LAST, MAIN_ONLY)
BEGINS, HANDLE = ("call begins", "main thread's call"), "_Py_HandlePending"
OWNER = "owner"
EVALUATORS = (MAIN, OTHER, f"{OTHER}2")


class Watched(PendingCalls):
    """The reference, whose evaluating threads run no call that was not seen, nor after the round."""

    def setup(self) -> None:
        super().setup()
        self.over = False

    def threads(self) -> dict[str, Steps]:
        return super().threads() | super().services() | {OWNER: self.owner()}

    def services(self) -> dict[str, Steps]:
        return {}

    def owner(self) -> Steps:
        """Who waits for the round to end."""
        yield "the round ends"
        self.over = True

    def evaluates(self, me: str) -> Steps:
        while True:
            yield Step(HANDLE, until=lambda: me in self.bits and not self.over)
            yield from self.make_pending_calls(me)


def call_is(model: PendingCalls, thread: str, value: int) -> bool:
    """The call that a thread has taken."""
    return model.calling.get(thread) == CALLS[value]


def bit_is(model: PendingCalls, thread: str, value: int) -> bool:
    """Whether a thread's bit is set."""
    return (thread in model.bits) == value


class PendingProbe(Probe):
    """One thread adds a call that adds another one, the other a call for the main thread."""

    mechanism = Watched
    sizes = {"failing": 0, "others": 2}
    roles = (("adder1",), ("adder2",), EVALUATORS[:1], EVALUATORS[1:], (OWNER,))
    defect: ClassVar[str] = "main-bit-not-returned"
    sees = {
        "evaluates": Seen((HANDLE,)),
        "begins": Seen(BEGINS, rests=True, holds=call_is),
        "runs": Seen(BEGINS),
        "returns": Seen(("call returns", "clear_pending_handling_thread")),
        "end": Seen(("the round ends",)),
        "ended": Seen((END,)),
        "idle": Seen((HANDLE,)),
        "bit": Seen((HANDLE,), holds=bit_is),
        "add": Seen(("PyMutex_Lock",)),
        "added": Seen((END,), rests=True),
        "add for main": Seen(("_PyEval_AddPendingCall: main thread's ring",)),
    }

    def make(self) -> None:
        _probes.pending_begin(threading.main_thread().ident or 0, len(EVALUATORS))

    @operation
    def add(self, state: object) -> None:
        _probes.pending_add()

    @operation
    def add_for_main(self, state: object) -> None:
        _probes.pending_add_for_main()

    def check(self, state: object) -> None:
        _probes.pending_end(pause, len(EVALUATORS))
        super().check(state)


class AsItShouldBe(PendingProbe):
    """Against the correct reference, where no call for the main thread is lost: 3.13 loses some."""

    defect = ""


class AddsWithoutBit(PendingProbe):
    """The main thread is not told of a call for it."""

    @operation
    def add_for_main(self, state: object) -> None:
        _probes.pending_add_without_bit()
