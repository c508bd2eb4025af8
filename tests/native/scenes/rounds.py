"""Scenes of `test_record.py`: what is written, round by round, and up to what bound."""

from typing import Any

from stressor import _shim
from stressor.model.plan import Action, Rule, Until
from stressor.model.site import Phase
from tests.native.stage import Stage, load, repeat, rule_numbers


def _arm(stage: Stage, globs: list[str], rules: list[Rule], threads: int = 2) -> None:
    stage.open(*globs)
    stage.arm(*rules, threads=threads)


def fill_ring(stage: Stage, calls: int) -> object:
    """More events than a ring holds."""
    callers = load("callers")
    _arm(stage, ["*callers*"], [])
    stage.run(repeat(callers.by_call, calls, [1]), repeat(callers.by_call, 3, [1]))
    return None


def play_rounds(stage: Stage, rounds: int, calls: int) -> object:
    """Several rounds of the same program; what acts in each is another draw."""
    callers = load("callers")
    _arm(stage, ["*callers*"], [Rule(Action.YIELD, "kind:call", chance=0.5)])
    for number in range(rounds):
        _shim.begin_round(number)
        stage.run(repeat(callers.by_call, calls, [1]), repeat(callers.by_call, calls, [1]))
    return None


def order(stage: Stage, calls: int) -> object:
    """Each thread is held until the one before it has finished: the stamps must tell."""
    callers = load("callers")
    holds = [
        Rule(
            Action.HOLD,
            "op:target:act",
            Phase.BEFORE,
            thread,
            most_ns=1_000_000_000,
            until=Until(thread - 1, "op:target:act", 1),
        )
        for thread in (1, 2, 3)
    ]
    _arm(stage, ["*callers*"], holds, threads=4)
    stage.run(*[repeat(callers.by_call, calls, [1])] * 4)
    return None


def many_sites(stage: Stage, rules: int) -> object:
    """Five thousand sites, with the given number of rules that select each of them."""
    many = load("many")
    _arm(
        stage,
        ["*many*"],
        [Rule(Action.YIELD, thread=0, visit=1, chance=0.0)] * rules,
        threads=4,
    )
    return stage.run(*[repeat(many.visit_all, 3)] * 4)


def many_rules(stage: Stage, rules: int) -> object:
    """As many rules as there may be, on a hundred sites."""
    many = load("many")
    _arm(stage, ["*many*"], [Rule(Action.YIELD, "category:thread-state")] * rules, threads=1)
    return stage.run(many.visit_hundred)


def refuse(stage: Stage) -> object:
    """Everything that is too large or too early, and what is said."""
    stage.open()
    attempts: dict[str, Any] = {
        "declare before arm": lambda: _shim.declare_operations(["act"]),
        "no threads": lambda: _shim.arm(1, 0, [], False, False),
        "threads": lambda: _shim.arm(1, 65, [], False, False),
        "rules": lambda: _shim.arm(1, 2, [rule_numbers(Rule(Action.GO))] * 4097, False, False),
        "rules of the wrong type": lambda: _shim.arm(1, 2, (), False, False),  # type: ignore[arg-type] # on purpose
        "parties": lambda: _shim.barrier_reset(66),
        "no parties": lambda: _shim.barrier_reset(0),
        "operations": lambda: _operations(2049),
        "thread": lambda: _enter(2),
        "thread again": lambda: _enter(64),
        "negative thread": lambda: _enter(-1),
        "no record": lambda: _shim.open_record("/nonexistent/folder/record.bin"),
        "measurement": lambda: _shim.bench("nonsense", 1),
    }
    said: dict[str, str] = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            said[name] = "accepted"
        except (ValueError, RuntimeError, OSError, OverflowError) as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def _operations(count: int) -> None:
    _shim.arm(1, 2, [], False, False)
    _shim.declare_operations(["act"] * count)


def _enter(number: int) -> None:
    _shim.arm(1, 2, [], False, False)
    _shim.enter(number)


def long_names(stage: Stage, long: str) -> object:
    """A type and operations whose names are far too long, cut in the middle of a character."""
    stage.open()
    stage.arm(threads=1, hooks=True)
    names = [f"{'ä' * n}{'o' * 79}" for n in range(38, 42)]
    _shim.declare_operations(names)
    huge = type("ö" * 5000, (), {})

    def body() -> None:
        for operation in range(len(names)):
            _shim.operation_begin(operation, operation)
            huge()
            _shim.operation_end(None)

    stage.run(body)
    _shim.disarm()
    return None


def long_module(stage: Stage, name: str) -> object:
    """A module whose file name is as long as a file name may be; a rule names one of its sites."""
    module = load(name)
    stage.open(f"*{name[-20:]}*")
    stage.arm(threads=1)
    stage.run(repeat(module.by_call, 1, [1]))
    return None


def act_by_key(stage: Stage, name: str, key: str) -> object:
    """A rule that names one site by its key."""
    module = load(name)
    stage.open(f"*{name[-20:]}*")
    stage.arm(Rule(Action.YIELD, key), threads=1)
    stage.run(repeat(module.by_call, 5, [1]))
    return None


def act_by_name(stage: Stage, name: str, key: str) -> object:
    """A rule that names an operation whose name was cut."""
    stage.open()
    stage.arm(Rule(Action.YIELD, key), threads=1)
    _shim.declare_operations([name])
    stage.run(lambda: None)
    return None
