"""The child's side of a test: `python -m tests.native.stage ORDER` plays one scene and ends.

A `Stage` does what the product's runtime does, with nothing of it: the shim alone is under test.
"""

import faulthandler
import importlib
import json
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from stressor import _shim
from stressor.model.plan import ANYWHERE, Action, Rule
from stressor.model.site import Category, Kind, Phase, key_hash

CERTAIN = 1 << 32
JOIN_SECONDS = 100.0

Body = Callable[[], object]


def rule_numbers(rule: Rule) -> tuple[int, ...]:
    """The thirteen numbers that the shim wants."""
    until = rule.until
    return (
        *_selector(rule.site),
        -1 if rule.phase is None else list(Phase).index(rule.phase),
        -1 if rule.thread is None else rule.thread,
        -1 if rule.visit is None else rule.visit,
        round(rule.chance * CERTAIN),
        list(Action).index(rule.action),
        rule.least_ns,
        rule.most_ns,
        -1 if until is None else until.thread,
        -1 if until is None else key_hash(until.site),
        -1 if until is None else until.visit,
        -1 if until is None else list(Phase).index(until.phase),
    )


def _selector(site: str) -> tuple[int, int]:
    if site == ANYWHERE:
        return 0, -1
    word, _, name = site.partition(":")
    if word == "category":
        return 2, list(Category).index(Category(name))
    if word == "kind":
        return 3, list(Kind).index(Kind(name))
    return 1, key_hash(site)


class Stage:
    """The shim of this process, with a record and with logical threads."""

    def __init__(self, record: str) -> None:
        self._record = record
        self.threads: list[threading.Thread] = []

    def open(self, *globs: str) -> None:
        """Open the record and instrument."""
        _shim.open_record(self._record)
        _shim.instrument(list(globs))

    def arm(
        self,
        *rules: Rule,
        threads: int = 2,
        seed: int = 1,
        ledger: bool = False,
        hooks: bool = False,
        monitors: int = 0,
    ) -> None:
        """Begin to act, with one operation named "act"."""
        numbers = [rule_numbers(rule) for rule in rules]
        _shim.arm(seed, threads, numbers, ledger, hooks, monitors=monitors)
        _shim.declare_operations(["act"])

    def run(self, *bodies: Body) -> list[Any]:
        """Run each body as one logical thread, all released together; return their results.

        A body's return is its operation's result. All exceptions are raised, in a group.
        """
        _shim.barrier_reset(len(bodies))
        results: list[Any] = [None] * len(bodies)
        errors: list[Exception] = []

        def live(number: int, body: Body) -> None:
            try:
                _shim.enter(number)
                _shim.barrier_wait()
                _shim.operation_begin(0, 0)
                try:
                    results[number] = body()
                finally:
                    _shim.operation_end(results[number])
            except Exception as error:
                errors.append(error)
            finally:
                _shim.leave()

        self.threads = [
            threading.Thread(target=live, args=(number, body), daemon=True)
            for number, body in enumerate(bodies)
        ]
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(JOIN_SECONDS)
            assert not thread.is_alive(), "a logical thread hangs"
        if errors:
            raise ExceptionGroup("logical threads raised", errors)
        return results


def load(name: str) -> ModuleType:
    """Import a scenario."""
    return importlib.import_module(name)


def repeat(function: Callable[..., object], times: int, *arguments: object) -> Body:
    """A body that calls `function` many times and returns the last result."""

    def body() -> object:
        result: object = None
        for _ in range(times):
            result = function(*arguments)
        return result

    return body


def main(arguments: Sequence[str]) -> int:
    """Play the scene that the order names."""
    order = json.loads(arguments[0])
    faulthandler.enable()
    faulthandler.dump_traceback_later(order["hanging"], exit=True)
    sys.path[:0] = order["folders"]
    scene = getattr(importlib.import_module(order["module"]), order["scene"])
    # A scene that is played by this module's other copy, __main__, wants the class of the named one.
    stage = importlib.import_module("tests.native.stage").Stage(order["record"])
    value = scene(stage, *order["arguments"])
    Path(order["result"]).write_text(json.dumps(value))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
