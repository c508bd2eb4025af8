"""Reading the plan that the parent wrote, quickly: `order` gives what the codec wrote.

`model.codec` is the door for files from strangers and checks every value; that costs 4 ms for 1000
calls and a tenth of a second of imports, in every child. This reader trusts its parent, and a
mistake shows as an error, never as another plan: a test compares it with the codec, field by field.
"""

import json
from pathlib import Path
from typing import Any

from stressor.model.plan import Action, Allocator, Call, Limits, Plan, Rule, Spec, Until
from stressor.model.site import Phase


def read_order(path: Path) -> Plan:
    """Read `codec.encode_compact(plan)`. Raises `KeyError`, `TypeError`, `ValueError`, `OSError`."""
    data: dict[str, Any] = json.loads(path.read_bytes())["plan"]
    data["program"] = _program(data["program"])
    if "rules" in data:
        data["rules"] = tuple(_rule(rule) for rule in data["rules"])
    if "strategy" in data:
        data["strategy"] = Spec(**data["strategy"])
    if "modules" in data:
        data["modules"] = tuple(data["modules"])
    if "allocator" in data:
        data["allocator"] = Allocator(data["allocator"])
    if "limits" in data:
        data["limits"] = Limits(**data["limits"])
    return Plan(**data)


class _Calls(dict[tuple[str, str], Call]):
    """Calls, made once each: most of a program are the same few."""

    def __missing__(self, key: tuple[str, str]) -> Call:
        self[key] = call = Call(*key)
        return call


def _program(data: list[list[dict[str, str]]]) -> tuple[tuple[Call, ...], ...]:
    made = _Calls()
    return tuple(
        tuple([made[call["op"], call.get("entropy", "")] for call in calls]) for calls in data
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
