"""SD-FORK held against real forks: what the child makes of what the other threads left.

One thread forks while others change a dict, and hold and wait for the locks that the runtime zeroes in
a child: of types, weak references and interned strings. The child has one thread state, is its own main
thread, finds the dict whole, and can take all of these locks and start a thread, or it does not answer.
Not held against the reference: which of the locks was held, and threads without a thread state.
"""

import _thread
import sys
import warnings
import weakref
from functools import partial

from attrs import define, field

from stressor.mechanisms.shutdown.fork import FORKER, ForkWithThreads
from stressor.probes.base import Probe
from stressor.probes.forking import STATES, fork_and_note, joined, started
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

KEYS = 40
"""Enough for the dict to be resized."""


class Shared:
    """A class that all threads change."""

    attribute = 0


@define
class Round:
    """`changes` has only keys that are their values; `pair` two equal numbers."""

    changes: dict[str, str] = field(factory=dict)
    pair: list[int] = field(factory=lambda: [0, 0])

    def is_whole(self) -> bool:
        """Whether nothing in it is half changed."""
        items = list(self.changes.items())
        same = len(items) == len(self.changes) and all(key == value for key, value in items)
        return same and self.pair[0] == self.pair[1]


def states_are(model: ForkWithThreads, thread: str, value: int) -> bool:
    """How many thread states there are."""
    return len(model.thread_states) == value


def main_is(model: ForkWithThreads, thread: str, value: int) -> bool:
    """Whether the thread that forked is the main thread."""
    return (model.main == FORKER) == value


def whole_is(model: ForkWithThreads, thread: str, value: int) -> bool:
    """Whether what attached threads change is whole."""
    return model.dict_is_whole == value


def use_locks(name: str) -> None:
    """Take the locks of types, weak references and interned strings."""
    Shared.attribute += 1
    weakref.ref(Shared, lambda _: None)
    sys.intern(f"{name} {Shared.attribute}")


def look_around(state: Round) -> list[int]:
    """What the child does, and what it saw."""
    seen = [
        len(sys._current_frames()),
        _thread._get_main_thread_ident() == _thread.get_ident(),  # type: ignore[attr-defined]  # private
        state.is_whole(),
    ]
    use_locks("child")
    handle = _thread._ThreadHandle()
    return seen if started(handle) and joined(handle) else []


class ForkProbe(Probe):
    """One forks, while others change what the child will look at."""

    mechanism = ForkWithThreads
    roles = ((FORKER,),)
    sees = {
        "fork": Seen(("_PyEval_StopTheWorldAll",)),
        "child answered": Seen((END,), rests=True),
        "thread states": Seen((END,), rests=True, holds=states_are),
        "is main": Seen((END,), rests=True, holds=main_is),
        "is whole": Seen((END,), rests=True, holds=whole_is),
    }

    def make(self) -> Round:
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        return Round()

    @operation
    def fork(self, state: Round) -> None:
        fork_and_note(STATES, partial(look_around, state))

    @operation
    def change(self, state: Round) -> None:
        for number in range(KEYS):
            state.changes[f"{number}"] = f"{number}"
        state.changes.clear()

    @operation
    def lock(self, state: Round) -> None:
        use_locks("parent")


class ChangedInTwoSteps(ForkProbe):
    """A thread changes two things one after the other, and may be stopped between them."""

    @operation(weight=2.0)
    def change(self, state: Round) -> None:
        number = state.pair[0] + 1
        state.pair[0] = number
        use_locks("between")
        state.pair[1] = number
