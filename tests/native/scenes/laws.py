"""Scenes of `test_monitors.py`: laws of the C API, broken and kept."""

from types import ModuleType

from stressor import _shim
from tests.native.stage import Stage, load

EVERYTHING = 0b1111


def _open(stage: Stage, monitors: int) -> ModuleType:
    module = load("lawbreakers")
    stage.open("*lawbreakers*")
    stage.arm(monitors=monitors)
    return module


def act(stage: Stage, name: str, monitors: int = EVERYTHING, calls: int = 3) -> object:
    """One thread calls a function several times, as operations of their own."""
    function = getattr(_open(stage, monitors), name)
    pair = ([1], [2])

    def body() -> None:
        for _ in range(calls):
            _shim.operation_begin(0, 0)
            function(pair)
            _shim.operation_end(None)

    stage.run(body)
    return _shim.breaches()


def act_together(stage: Stage, *names: str, calls: int = 300) -> object:
    """Two threads call functions that keep the laws, on the same objects."""
    module = _open(stage, EVERYTHING)
    functions = [getattr(module, name) for name in names]
    pair = ([1], [2])

    def body() -> None:
        for _ in range(calls):
            _shim.operation_begin(0, 0)
            for function in functions:
                function(pair)
            _shim.operation_end(None)

    stage.run(body, body)
    return _shim.breaches()


def leave_open(stage: Stage) -> object:
    """The section is ended by the next operation, so that nothing worse comes of it."""
    module = _open(stage, EVERYTHING)

    def body() -> None:
        _shim.operation_begin(0, 0)
        module.leave_open(([1],))
        _shim.operation_end(None)
        module.close_left()

    stage.run(body)
    return _shim.breaches()


def meet(stage: Stage, first: str, second: str) -> object:
    """Two threads in two functions that wait for each other; one of them ends the process."""
    module = _open(stage, EVERYTHING)
    one, other = getattr(module, first), getattr(module, second)
    stage.run(lambda: one(([1],)), other)
    return None


def use_anothers_state(stage: Stage) -> object:
    """Thread 0 makes a thread state, thread 1 uses it, and thread 0 is still there."""
    module = _open(stage, EVERYTHING)
    steps: list[str] = []

    def maker() -> None:
        module.make_state()
        steps.append("made")
        while "used" not in steps:
            pass

    def user() -> None:
        while "made" not in steps:
            pass
        module.use_made_state(([1],))
        steps.append("used")

    stage.run(maker, user)
    return _shim.breaches()
