"""Arguments from entropy: the same every time, simpler for simpler bytes, and never silently none."""

import gc
import hashlib
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from stressor.targets import HarnessError
from stressor.targets.arguments import Drawing


def entropies(count: int) -> list[str]:
    # Not `random`, which hypothesis seeds in every test.
    return [
        hashlib.sha256(b"%d" % number).hexdigest()[: 2 + number % 40] for number in range(count)
    ]


def even_hex(text: str) -> str:
    return text[: len(text) // 2 * 2]


SOME = [even_hex(each) for each in entropies(60)]


def drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    drawing = Drawing("op", {"value": strategy})
    return [drawing.draw(entropy)["value"] for entropy in SOME]


@pytest.mark.parametrize(
    "strategy",
    [
        st.integers(),
        st.lists(st.text(max_size=3)),
        st.dictionaries(st.integers(0, 3), st.floats(allow_nan=False)),
        st.sampled_from("abc") | st.none(),
    ],
    ids=str,
)
def test_same_entropy_gives_equal_but_new_arguments(strategy: st.SearchStrategy[Any]) -> None:
    first, second = drawn(strategy), drawn(strategy)
    assert first == second
    assert len({repr(each) for each in first}) > 3
    for one, other in zip(first, second, strict=True):
        assert one is not other or not isinstance(one, list | dict)


@pytest.mark.parametrize(
    ("least", "most"), [(0, 10), (-10, -1), (1000, 1010), (-5, 5), (-1, 2**70), (7, 7)]
)
def test_bounded_integers_reach_all_of_their_range(least: int, most: int) -> None:
    values = drawn(st.integers(least, most))
    assert all(least <= value <= most for value in values)
    if 1 < most - least < 20:
        assert set(values) == set(range(least, most + 1))


@pytest.mark.parametrize(
    "strategy", [st.integers(), st.integers(min_value=3), st.integers(max_value=-3)], ids=str
)
def test_unbounded_integers_are_small_and_large(strategy: st.SearchStrategy[int]) -> None:
    values = [abs(value) for value in drawn(strategy)]
    assert min(values) < 10
    assert max(values) > 2**32


def test_empty_entropy_gives_the_simplest_arguments() -> None:
    drawing = Drawing(
        "op",
        {"number": st.integers(-9, 9), "text": st.text(), "choice": st.sampled_from(["first", 2])},
    )
    assert drawing.draw("") == {"number": 0, "text": "", "choice": "first"}


def test_zeroing_bytes_simplifies() -> None:
    drawing = Drawing("op", {"values": st.lists(st.integers(0, 100), max_size=8)})
    for entropy in SOME:
        half = entropy[: len(entropy) // 4 * 2]
        before, after = drawing.draw(entropy)["values"], drawing.draw(half)["values"]
        assert isinstance(before, list)
        assert isinstance(after, list)
        assert len(after) <= max(len(before), 1)


def test_entropy_that_a_filter_rejects_is_replaced() -> None:
    # One in seven passes, zero does not; what comes out is as determined as ever.
    strategy = st.integers(0, 1000).filter(lambda value: value % 7 == 3)
    assert drawn(strategy) == drawn(strategy)
    assert all(value % 7 == 3 for value in drawn(strategy))


def test_entropy_that_is_too_short_is_stretched() -> None:
    long = Drawing("op", {"value": st.lists(st.integers(0, 255), min_size=600, max_size=600)})
    value = long.draw("01")["value"]
    assert isinstance(value, list)
    assert len(value) == 600


def test_a_strategy_that_nothing_passes_is_an_error() -> None:
    with pytest.raises(HarnessError, match=r"op: its strategies rejected everything"):
        Drawing("op", {"value": st.integers().filter(lambda value: False)})


def test_assumptions_are_rejections() -> None:
    def picky(value: int) -> int:
        assume(value > 3)
        return value

    assert all(value > 3 for value in drawn(st.integers(0, 9).map(picky)))


def test_a_strategy_that_raises_is_the_harness_fault() -> None:
    def broken(value: int) -> int:
        raise LookupError("no such thing")

    with pytest.raises(HarnessError, match="op: drawing its arguments raised LookupError: no such"):
        Drawing("op", {"value": st.integers().map(broken)})


def test_entropy_that_is_no_hexadecimal_is_refused() -> None:
    with pytest.raises(HarnessError, match="'zz' is no hexadecimal"):
        Drawing("op", {"value": st.integers()}).draw("zz")


def test_nothing_of_hypothesis_runs_in_collections() -> None:
    Drawing("op", {"value": st.integers()}).draw("01")
    assert not [each for each in gc.callbacks if "hypothesis" in str(each.__module__)]
