"""Scenes of `test_ledger.py`: thread 0 borrows, thread 1 destroys."""

import gc
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from stressor import _shim
from stressor.model.plan import Action, Rule
from stressor.model.site import Phase
from tests.native.stage import Stage, load

# Long enough for the other thread to come by, on a loaded machine too; ended by the first loss.
WINDOW = Rule(
    Action.SLEEP, "category:borrowed-ref", Phase.AFTER, 0, least_ns=200_000, most_ns=2_000_000
)
MOST_CALLS = 2000

# For code that must stay silent: many windows instead of long ones.
SHORT = Rule(Action.SPIN, "category:borrowed-ref", Phase.AFTER, 0, least_ns=2000, most_ns=40_000)
WINDOWS = {"long": WINDOW, "short": SHORT}


def _prepare(stage: Stage, window: Rule = WINDOW) -> ModuleType:
    module = load("borrowers")
    stage.open("*borrowers*")
    stage.arm(window, ledger=True)
    return module


def _race(
    stage: Stage, borrow: Callable[[], object], destroy: Callable[[], object], calls: int
) -> str:
    """Borrow until a use was seen, or `calls` times. Return the last exception's text."""
    done: list[str] = []

    def borrower() -> object:
        said = ""
        result: object = None
        for _ in range(calls):
            result = None
            try:
                result = borrow()
            except Exception as error:
                said = str(error)
            _shim.operation_end(result)
            if _shim.used_losses():
                break
            _shim.operation_begin(0, 0)
        done.append(said)
        return result

    def destroyer() -> None:
        while not done:
            destroy()

    stage.run(borrower, destroyer)
    _shim.disarm()
    return done[0]


def use(stage: Stage, name: str, calls: int = MOST_CALLS, window: str = "long") -> object:
    """Borrow item 0 of a list by one of the scenario's functions, while it is being replaced.

    The first item is nobody's: dropped by another thread than its owner, an object is destroyed by
    the owner, and that would be a stranger here.
    """
    module = _prepare(stage, WINDOWS[window])
    shared: list[Any] = [None]
    function = getattr(module, name)
    return _race(stage, lambda: function(shared), lambda: module.replace(shared, []), calls)


def use_next(stage: Stage, name: str, calls: int = MOST_CALLS, window: str = "long") -> object:
    """The same with the value of a dict."""
    module = _prepare(stage, WINDOWS[window])
    shared: dict[None, Any] = {None: None}
    function = getattr(module, name)
    return _race(stage, lambda: function(shared), lambda: module.replace_value(shared, []), calls)


def use_kept(stage: Stage, calls: int) -> object:
    """Somebody else keeps every object alive."""
    module = _prepare(stage, SHORT)
    owners = [[n] for n in range(50)]
    shared: list[Any] = [owners[0]]

    def destroy() -> None:
        for owner in owners:
            module.replace(shared, owner)

    return _race(stage, lambda: module.borrow_and_return(shared), destroy, calls)


def use_resurrected(stage: Stage, calls: int) -> object:
    """Every object comes back to life when it is destroyed. The borrower only asks: whoever counts
    a reference in the middle of a resurrection breaks the count, ledger or not."""
    module = _prepare(stage, SHORT)
    graveyard: list[Any] = []

    class Phoenix:
        def __del__(self) -> None:
            graveyard.append(self)

    shared: list[Any] = [Phoenix()]
    return _race(
        stage,
        lambda: module.borrow_and_ask(shared),
        lambda: module.replace(shared, Phoenix()),
        calls,
    )


def lose_many(stage: Stage, rounds: int) -> object:
    """More losses than slots, none of them used; then, in a later round, one that is."""
    module = _prepare(stage)
    shared: list[Any] = [[]]
    over: list[bool] = []

    def ask() -> None:
        for _ in range(30):
            module.borrow_and_ask(shared)
        over.append(True)

    def destroy() -> None:
        while not over:
            module.replace(shared, [])

    for number in range(rounds):
        over.clear()
        _shim.begin_round(number)
        stage.run(ask, destroy)
    overflowed = _shim.used_losses()
    _shim.begin_round(rounds)
    _race(
        stage,
        lambda: module.borrow_and_return(shared),
        lambda: module.replace(shared, []),
        MOST_CALLS,
    )
    return overflowed


def lose_to_stranger(stage: Stage) -> object:
    """The destroyer is no logical thread."""
    module = _prepare(stage)
    shared: list[Any] = [[]]
    done: list[bool] = []

    def destroy() -> None:
        while not done:
            module.replace(shared, [])
            gc.collect()

    stranger = threading.Thread(target=destroy)
    stranger.start()
    _race(stage, lambda: module.borrow_and_return(shared), lambda: time.sleep(0.001), MOST_CALLS)
    done.append(True)
    stranger.join()
    return None
