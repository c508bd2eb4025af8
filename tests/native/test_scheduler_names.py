"""The parent's list of schedulers is the shim's: names, numbers, and what they usually are."""

import pytest

from stressor import _shim
from stressor.schedules.registry import SCHEDULERS

pytestmark = pytest.mark.native


def test_parent_knows_every_scheduler_and_number() -> None:
    assert {name: dict(numbers) for name, numbers in _shim.schedulers()} == SCHEDULERS
