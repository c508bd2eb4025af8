"""The child's quick reader of plans gives exactly what the codec wrote, whatever the plan."""

from pathlib import Path

import pytest
from attrs import evolve

from stressor.model.codec import encode_compact
from stressor.model.plan import (
    ANY_STEP,
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
from stressor.runtime.order import read_order

PLAIN = Plan("t.py", ((Call("a"),),), seed=0)
FULL = Plan(
    "pkg.mod:Case",
    program=((Call("a", "00ff"), Call("b"), Call("a", "00ff")), (Call("b", given="{'n': 1}"),)),
    seed=2**64 - 1,
    strategy=Spec("targeted", {"index": 3.0, "p": 0.25}),
    rules=(
        Rule(Action.SLEEP),
        Rule(
            Action.HOLD,
            site="call:m:PyList_GetItem+0x10",
            phase=Phase.AFTER,
            thread=1,
            visit=7,
            chance=0.125,
            least_ns=10,
            most_ns=1_000_000,
            until=Until(0, "op:target:b", 2),
        ),
        Rule(Action.SPIN, until=Until(1, "*", 1, Phase.BEFORE)),
    ),
    rounds=50,
    modules=("*numpy*", "x.so"),
    allocator=Allocator.DEBUG,
    ledger=False,
    monitors=("detached", "counts"),
    limits=Limits(seconds=0.5, memory_mb=64),
    runtime=("_Py_qsbr_*", "all"),
)
CONTROLLED = evolve(
    FULL,
    rules=(),
    schedule=Schedule(
        Spec("pct", {"depth": 3.0}),
        switches=(
            Switch(-1, "", 0, Phase.BEFORE, to=1, step=0),
            Switch(1, "call:m:PyList_GetItem+0x10", 7, Phase.AFTER, to=0, step=12),
            Switch(0, "op:target:b", 1, Phase.BEFORE, to=1, step=ANY_STEP),
        ),
        hooks=True,
        trace="0123456789abcdef",
    ),
    home=1,
)


@pytest.mark.parametrize(
    "plan", [PLAIN, FULL, CONTROLLED, evolve(PLAIN, schedule=Schedule(), home=0)]
)
def test_it_reads_what_the_codec_writes(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(encode_compact(plan))

    assert read_order(path) == plan


def test_the_full_plan_uses_every_field() -> None:
    # A field added to Plan has to be added here, and to the reader if it is not plain.
    for field in Plan.__attrs_attrs__:
        plain = getattr(PLAIN, field.name)
        assert any(getattr(plan, field.name) != plain for plan in (FULL, CONTROLLED))
    assert CONTROLLED.schedule is not None
    for field in Schedule.__attrs_attrs__:
        assert getattr(CONTROLLED.schedule, field.name) != getattr(Schedule(), field.name)
