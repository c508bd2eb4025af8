"""Scenes of `test_hazards.py` that are about a single pause: what ends it, and what it leaves alone."""

import gc
import os
import signal
import sys
import threading
import time
from typing import Any

from stressor import _shim
from stressor.model.plan import ANYWHERE, Action, Rule, Until
from stressor.model.site import Phase
from tests.native.stage import Stage, load

SECOND = 1_000_000_000


def pause(
    action: str,
    ns: int,
    site: str = ANYWHERE,
    phase: Phase | None = None,
    thread: int | None = None,
) -> Rule:
    """A pause of one length, everywhere unless narrowed."""
    return Rule(Action(action), site, phase, thread, least_ns=ns, most_ns=ns)


def collect_until(done: threading.Event) -> int:
    """Ask for a stop of the world again and again, at least once."""
    times = 1
    gc.collect()
    while not done.is_set():
        gc.collect()
        times += 1
    return times


def pauses_and_stops(stage: Stage, action: str, times: int) -> object:
    """One thread makes `times` pauses of a second each, the other one stops the world.

    Not at `block` sites: a thread that pauses in the middle of attaching finds the world stopped again
    each time, and never gets on as long as the other one does nothing else.
    """
    states = load("states")
    stage.open("*states*")
    until = Until(1, "nowhere", 9) if action == "hold" else None
    stage.arm(
        Rule(Action(action), "kind:call", None, 0, least_ns=SECOND, most_ns=SECOND, until=until)
    )
    done = threading.Event()

    def paused() -> None:
        for _ in range(times):
            states.keep_errno()
        done.set()

    return stage.run(paused, lambda: collect_until(done))[1]


def section_and_pause(stage: Stage, action: str, times: int) -> object:
    """How often two threads were in critical sections of one object at the same time."""
    states = load("states")
    stage.open("*states*")
    stage.arm(pause(action, 20_000_000, site="category:refcount", phase=Phase.BEFORE, thread=0))
    lock = object()
    both = 0
    for _ in range(times):
        both += stage.run(lambda: states.drop_locked(lock), lambda: states.meet_locked(lock))[1]
    return both


def keep_errno(stage: Stage, action: str, name: str) -> object:
    """errno around a pause of each kind."""
    states = load("states")
    stage.open("*states*")
    until = Until(1, "nowhere", 1) if action == "hold" else None
    stage.arm(Rule(Action(action), least_ns=30_000, most_ns=30_000, until=until), threads=1)
    return stage.run(getattr(states, name))[0]


def keep_exception(stage: Stage, action: str) -> object:
    """An exception that is set while there are pauses."""
    states = load("states")
    stage.open("*states*")
    stage.arm(pause(action, 30_000), threads=1)

    def body() -> str:
        try:
            return str(states.keep_exception())
        except LookupError as error:
            return f"{error.args[0]} {error.__context__}"

    return stage.run(body)[0]


def interrupt(stage: Stage, name: str) -> object:
    """A wait in native code that a signal interrupts, with pauses on both sides."""
    states = load("states")
    states.prepare()
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, True)
    stage.open("*states*")
    stage.arm(pause("sleep", 50_000, site="kind:block"), threads=1)
    done = threading.Event()
    waiter: list[int] = []

    def nag() -> None:
        while not done.is_set():
            if waiter:
                signal.pthread_kill(waiter[0], signal.SIGUSR1)
            time.sleep(0.005)

    def body() -> object:
        waiter.append(threading.get_ident())
        result = getattr(states, name)()
        waiter.clear()
        done.set()
        return result

    nagging = threading.Thread(target=nag)
    nagging.start()
    result = stage.run(body)[0]
    nagging.join()
    return result


def pause_detached(stage: Stage, action: str) -> object:
    """Sites where the thread has no thread state, while the world is being stopped."""
    states = load("states")
    stage.open("*states*")
    until = Until(1, "nowhere", 1) if action == "hold" else None
    stage.arm(
        Rule(Action(action), "kind:block", thread=0, least_ns=100_000, most_ns=100_000, until=until)
    )
    done = threading.Event()

    def body() -> None:
        states.yield_detached(50)
        done.set()

    return stage.run(body, lambda: collect_until(done))[1] > 0


def hold_for(stage: Stage, visit: int, phase: str, deadline: int, after: int) -> object:
    """Thread 0 holds at its first yield until thread 1 has passed its `visit`th operation visit.

    Returns what thread 1 had done when thread 0 went on.
    """
    states = load("states")
    stage.open("*states*")
    until = Until(1, "op:target:act", visit, Phase(phase))
    stage.arm(Rule(Action.HOLD, "kind:block", Phase.BEFORE, 0, 1, most_ns=deadline, until=until))
    progress: list[str] = []

    def held() -> list[str]:
        states.yield_attached(1)
        return list(progress)

    def other() -> None:
        time.sleep(after / 1000)
        progress.append("came")

    return stage.run(held, other)[0]


def pause_with_allocator(stage: Stage, times: int) -> object:
    """Hazard 15: long pauses around destruction, with freed memory poisoned."""
    callers = load("callers")
    stage.open("*callers*")
    stage.arm(
        Rule(Action.SLEEP, "kind:hook", least_ns=100, most_ns=200_000, chance=0.05), hooks=True
    )
    shared: list[Any] = [[1]]

    def body() -> None:
        for n in range(times):
            callers.first_calls(shared)
            shared[0] = [n]

    stage.run(body, body)
    _shim.disarm()
    return sys.flags.dev_mode or os.environ.get("PYTHONMALLOC")
