"""TS-STATE held against real thread states: who is attached, and what the words say meanwhile.

The world is stopped by a walk over the collector's objects. Not held against the reference: the GIL,
which nothing switches on here, and QSBR.
"""

import gc

from stressor import _probes
from stressor.mechanisms.threads.state import AttachAndDetach
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

ATTACH, BREAKER = "PyEval_RestoreThread: _PyEval_AcquireLock", "eval breaker"
DETACH = "PyEval_SaveThread: _Py_qsbr_detach"
STOP = "stop_the_world: request, park_detached_threads"
START = "start_the_world: suspended -> detached, unpark"
STATES = 4
"""A note about another thread's word tells its slot times this, and the word."""


def own_word_is(model: AttachAndDetach, thread: str, value: int) -> bool:
    """The word of its own thread state."""
    return model.word[thread] == value


def word_is(model: AttachAndDetach, thread: str, value: int) -> bool:
    """A word that the stopper read with the world stopped."""
    slot, word = divmod(value, STATES)
    return list(model.word.values())[slot] == word


def pause() -> None:
    """Where a thread sees to its eval breaker: the beginning of every function of Python's."""


class ThreadStateProbe(Probe):
    """Threads attach, pause and detach; another one stops the world and reads their words."""

    mechanism = AttachAndDetach
    sizes = {"threads": 2, "pauses": 2, "visits": 2, "gil": 0}
    roles = (("T1", "T2"), ("main",))
    uses = 2
    sees = {
        "attach": Seen((ATTACH,)),
        "attached": Seen((BREAKER,), rests=True),
        "word": Seen((BREAKER,), rests=True, holds=own_word_is),
        "break": Seen((BREAKER,)),
        "went on": Seen((DETACH,), rests=True),
        "word then": Seen((DETACH,), rests=True, holds=own_word_is),
        "detach": Seen((DETACH,)),
        "detached": Seen((ATTACH, END), rests=True),
        "word at last": Seen((ATTACH, END), rests=True, holds=own_word_is),
        "stop": Seen((STOP,)),
        "stopped": Seen((START,), rests=True),
        "word of": Seen((START,), rests=True, holds=word_is),
        "start": Seen((START,)),
        "started": Seen((STOP, "_PyEval_ReleaseLock"), rests=True),
    }

    def make(self) -> None:
        gc.disable()  # a collection stops the world, too
        _probes.thread_states_begin()

    @operation(weight=2.0)
    def visit(self, state: object) -> None:
        _probes.thread_states_visit(pause)

    @operation
    def stop(self, state: object) -> None:
        _probes.thread_states_stop()


class AttachesByStore(ThreadStateProbe):
    """A thread attaches by storing the word, suspended or not."""

    @operation(weight=2.0)
    def visit(self, state: object) -> None:
        _probes.thread_states_visit_by_store(pause)


class StopsWithoutWaiting(ThreadStateProbe):
    """The world counts as stopped when somebody wants to stop it."""

    @operation
    def stop(self, state: object) -> None:
        _probes.thread_states_stop_without_waiting()
