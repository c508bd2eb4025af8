"""Calls, visits and strategies as text: what is written reads back, what is odd is refused."""

import pytest

from stressor.model.plan import Call, Spec, Switch
from stressor.model.site import Phase
from stressor.report.notation import (
    ExactVisit,
    Visit,
    call_text,
    choice_text,
    read_call,
    read_choice,
    read_exact_visit,
    read_spec,
    read_visit,
    spec_text,
    visit_text,
)

KEY = "call:quota:PyLong_AsSsize_t+0x1213"


@pytest.mark.parametrize(
    ("visit", "text"),
    [
        (Visit(KEY, 0, Phase.AFTER, 1), f"thread 0 after {KEY} visit 1"),
        (Visit("category:lock", None, Phase.BEFORE), "before category:lock"),
        (Visit("*"), "*"),
        (Visit("op:target:two words", 3), "thread 3 op:target:two words"),
    ],
)
def test_visits(visit: Visit, text: str) -> None:
    assert visit_text(visit.site, visit.thread, visit.phase, visit.visit) == text
    assert read_visit(text) == visit


def test_a_name_that_would_read_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        visit_text("op:target:x visit 3")


def test_what_must_be_exact_says_what_is_missing() -> None:
    assert read_exact_visit(f"thread 1 before {KEY} visit 2") == ExactVisit(KEY, 1, Phase.BEFORE, 2)
    with pytest.raises(ValueError, match="more than one visit"):
        read_exact_visit(f"after {KEY} visit 2")


@pytest.mark.parametrize(
    ("switch", "text"),
    [
        (Switch(1, KEY, 2, Phase.AFTER, 0), f"thread 1 after {KEY} visit 2"),
        (Switch(0, "", 0, Phase.BEFORE, 1), "thread 0 at no visit"),
        (Switch(-1, "", 0, Phase.BEFORE, 1), "no thread"),
    ],
)
def test_choices_may_have_no_visit(switch: Switch, text: str) -> None:
    assert choice_text(switch) == text
    read = read_choice(text)
    assert (read.thread, read.site, read.visit, read.phase) == (
        switch.thread,
        switch.site,
        switch.visit,
        switch.phase,
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (Call("take"), "take()"),
        (Call("take", given="{'units': 1}"), "take(units=1)"),
        (Call("put", given="""{'key': "it's", 'more': [1, (2,)]}"""), None),
        (Call("two words (odd)"), "two words (odd)()"),
    ],
)
def test_calls(call: Call, text: str | None) -> None:
    written = call_text(call.op, call.given)
    assert text in (None, written)
    assert read_call(written) == call


@pytest.mark.parametrize(
    "text", ["", "take", "take(1)", "take(n=count)", "take(n=1", "(n=1)", "take(**{'n': 1})"]
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no call: .*it reads name"):
        read_call(text)


@pytest.mark.parametrize("given", ["{'a b': 1}", "[1]", "{", "{'a': print}", "{'(': 1}"])
def test_arguments_that_nobody_can_have_written_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="no arguments"):
        call_text("take", given)


def test_strategies() -> None:
    spec = Spec("pct", {"depth": 3.0, "steps": 100.0})
    assert spec_text(spec) == "pct(depth=3.0, steps=100.0)"
    assert read_spec(spec_text(spec)) == spec
    assert read_spec("pct(depth=3)") == Spec("pct", {"depth": 3.0})
    assert read_spec("first()") == Spec("first")
    with pytest.raises(ValueError, match="a strategy has numbers"):
        read_spec("pct(depth='3')")
