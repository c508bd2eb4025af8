"""Reading the plan that the parent wrote, quickly: `order` gives what the codec wrote.

`model.codec` is the door for files from strangers and checks every value; that costs 4 ms for 1000
calls and a tenth of a second of imports, in every child. This reader trusts its parent, and a
mistake shows as an error, never as another plan: a test compares it with the codec, field by field.
"""

from pathlib import Path
from typing import Any

from stressor.model.plan import (
    Action,
    Allocator,
    Call,
    Limits,
    Plan,
    Rule,
    Schedule,
    Spec,
    Switch,
    Until,
)
from stressor.model.site import Phase
from stressor.runtime.wire import decode

_PHASES = {phase.value: phase for phase in Phase}  # there may be thousands of switches


def read_order(path: Path) -> Plan:
    """Read `codec.encode_compact(plan)`. Raises `KeyError`, `TypeError`, `ValueError`, `OSError`."""
    data: dict[str, Any] = decode(path.read_bytes())["plan"]
    data["program"] = _program(data["program"])
    if "rules" in data:
        data["rules"] = tuple(_rule(rule) for rule in data["rules"])
    if "schedule" in data:
        data["schedule"] = _schedule(data["schedule"])
    if "strategy" in data:
        data["strategy"] = Spec(**data["strategy"])
    if "modules" in data:
        data["modules"] = tuple(data["modules"])
    if "runtime" in data:
        data["runtime"] = tuple(data["runtime"])
    if "monitors" in data:
        data["monitors"] = tuple(data["monitors"])
    if "allocator" in data:
        data["allocator"] = Allocator(data["allocator"])
    if "limits" in data:
        data["limits"] = Limits(**data["limits"])
    return Plan(**data)


class _Calls(dict[tuple[str, str, str], Call]):
    """Calls, made once each: most of a program are the same few."""

    def __missing__(self, key: tuple[str, str, str]) -> Call:
        self[key] = call = Call(*key)
        return call


def _program(data: list[list[dict[str, str]]]) -> tuple[tuple[Call, ...], ...]:
    made = _Calls()
    return tuple(
        tuple([made[call["op"], call.get("entropy", ""), call.get("given", "")] for call in calls])
        for calls in data
    )


def _rule(data: dict[str, Any]) -> Rule:
    data["action"] = Action(data["action"])
    if data.get("phase") is not None:
        data["phase"] = Phase(data["phase"])
    if data.get("until") is not None:
        data["until"] = _until(data["until"])
    return Rule(**data)


def _until(data: dict[str, Any]) -> Until:
    if "phase" in data:
        data["phase"] = Phase(data["phase"])
    return Until(**data)


def _schedule(data: dict[str, Any]) -> Schedule:
    if "then" in data:
        data["then"] = Spec(**data["then"])
    if "switches" in data:
        data["switches"] = tuple([_switch(switch) for switch in data["switches"]])
    return Schedule(**data)


def _switch(data: dict[str, Any]) -> Switch:
    data["phase"] = _PHASES[data["phase"]]
    return Switch(**data)
