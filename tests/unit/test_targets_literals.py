"""Arguments as literals: only what comes back equal is written, and nothing but literals is read."""

from enum import IntEnum

import pytest

from stressor.model.plan import Call
from stressor.targets import HarnessError
from stressor.targets.harness import Operation
from stressor.targets.literals import read, written


class Colour(IntEnum):
    RED = 1


class LooksPlain(str):
    def __repr__(self) -> str:
        return "'something else'"


@pytest.mark.parametrize(
    "value",
    [
        1,
        -1,
        2**80,
        1.5,
        -0.0,
        1j,
        True,
        None,
        "é'\"\n",
        "\ud800",
        b"\x00",
        (),
        (1,),
        [1, [2]],
        {"a": {1}},
    ],
    ids=repr,
)
def test_plain_values_come_back(value: object) -> None:
    text = written({"value": value})
    assert read(text) == {"value": value}
    assert type(read(text)["value"]) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        bytearray(b"a"),
        float("nan"),
        float("inf"),
        Colour.RED,
        LooksPlain("a"),
        [LooksPlain("a")],
        frozenset({1}),
        10**5000,
        "a" * 100_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_literal_gives_is_not_written(value: object) -> None:
    assert written({"value": value}) == ""


def test_a_deep_value_is_no_literal() -> None:
    value: list[object] = []
    for _ in range(50):
        value = [value]
    assert written({"value": value}) == ""


@pytest.mark.parametrize("text", ["", "1", "{1: 2}", "{'a': print()}", "[" * 500, "{'a': b}"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        read(text)


def test_given_arguments_are_taken_instead_of_drawn_ones() -> None:
    operation = Operation(
        "put", lambda state, key, value=0: None, draw=lambda entropy: {"key": len(entropy)}
    )
    assert operation.arguments_of(Call("put", "00ff")) == {"key": 4}
    assert operation.arguments_of(Call("put", "00ff", "{'key': 7}")) == {"key": 7}
    with pytest.raises(HarnessError, match=r"put: the arguments .*unexpected keyword"):
        operation.arguments_of(Call("put", given="{'key': 1, 'other': 2}"))
    with pytest.raises(HarnessError, match="must be Python literals"):
        operation.arguments_of(Call("put", given="{'key': key}"))
