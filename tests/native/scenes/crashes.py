"""Scenes of `test_crashes.py`. None of them comes back."""

import ctypes
import faulthandler
import os
import threading
import time
from pathlib import Path

from stressor import _shim
from stressor.model.plan import Action, Rule
from tests.native.stage import Stage, load

TRUNCATED = 4096


def die(stage: Stage, name: str) -> object:
    """Logical thread 1 dies, after some visits."""
    callers, crashers = load("callers"), load("crashers")
    stage.open("*callers*", "*crashers*")
    _shim.handle_crashes()
    stage.arm()

    def body() -> None:
        callers.by_call([1])
        getattr(crashers, name)()

    return stage.run(lambda: time.sleep(60), body)


def die_as_stranger(stage: Stage) -> object:
    """The owner of the process dies, which is no logical thread."""
    crashers = load("crashers")
    stage.open()
    _shim.handle_crashes()
    stage.arm()
    crashers.read_nowhere()
    return None


def die_with_faulthandler(stage: Stage, when: str) -> object:
    """The target turns faulthandler off, or off and on again, after our handlers were installed."""
    crashers = load("crashers")
    stage.open()
    _shim.handle_crashes()
    faulthandler.disable()
    if when == "again":
        faulthandler.enable()
    stage.arm(threads=1)
    stage.run(crashers.read_nowhere)
    return None


def die_in_handler(stage: Stage) -> object:
    """The handler that was there before crashes itself."""
    crashers = load("crashers")
    crashers.handle_badly()
    stage.open()
    _shim.handle_crashes()
    stage.arm(threads=1)
    stage.run(crashers.read_nowhere)
    return None


def die_together(stage: Stage, name: str) -> object:
    """All logical threads die at the same moment."""
    crashers = load("crashers")
    stage.open()
    _shim.handle_crashes()
    stage.arm(threads=8)
    ready = threading.Barrier(8)

    def body() -> None:
        ready.wait()
        getattr(crashers, name)()

    return stage.run(*[body] * 8)


def die_in_pause(stage: Stage) -> object:
    """A signal is sent to a thread that is pausing: whose crash it is, and where."""
    states = load("states")
    stage.open("*states*")
    _shim.handle_crashes()
    stage.arm(Rule(Action.SPIN, "kind:call", least_ns=900_000_000, most_ns=900_000_000), threads=1)
    libc = ctypes.CDLL(None)

    def body() -> None:
        libc.alarm(0)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), 6))
        timer.start()
        for _ in range(100):
            states.keep_errno()

    return stage.run(body)


def lose_record(stage: Stage) -> object:
    """The record's file is cut, as it is when its disk is full: our fault, not a crash."""
    callers = load("callers")
    stage.open("*callers*")
    _shim.handle_crashes()
    stage.arm()
    os.truncate(Path(stage._record), TRUNCATED)
    stage.run(lambda: callers.by_call([1]), lambda: None)
    return None
