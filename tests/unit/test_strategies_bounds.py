"""PCT's guarantee in numbers."""

import pytest

from stressor.strategies.bounds import pct_bound


@pytest.mark.parametrize(
    ("threads", "steps", "depth", "expected"),
    [
        (1, 1, 1, 1.0),
        (2, 1000, 1, 1 / 2),  # depth 1: the order of the threads is all that matters
        (2, 10, 3, 1 / 200),
        (3, 40, 2, 1 / 120),
        (64, 10**12, 60, 0.0),  # less than a float can say, and no error
    ],
)
def test_bound_is_that_of_the_paper(threads: int, steps: int, depth: int, expected: float) -> None:
    assert pct_bound(threads, steps, depth) == expected


@pytest.mark.parametrize("wrong", ["threads", "steps", "depth"])
def test_numbers_below_one_are_refused(wrong: str) -> None:
    numbers = {"threads": 2, "steps": 10, "depth": 3, wrong: 0}
    with pytest.raises(ValueError, match=f"{wrong} must be at least 1, not 0"):
        pct_bound(**numbers)
