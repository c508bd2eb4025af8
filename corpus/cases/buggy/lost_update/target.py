"""A quota that several threads take from; what was taken and what is left must add up."""

import quota as case
from hypothesis import strategies as st

from stressor.targets import Target, operation

UNITS = 500


class State:
    def __init__(self):
        self.quota = case.Quota(UNITS)
        self.taken = []


class Quota(Target):
    def setup(self):
        return State()

    @operation(units=st.integers(1, 9), raises=ValueError)
    def take(self, state, units):
        state.quota.take(units)
        state.taken.append(units)

    @operation(weight=2)
    def left(self, state):
        assert 0 <= state.quota.left() <= UNITS

    def check(self, state):
        left, taken = state.quota.left(), sum(state.taken)
        assert left + taken == UNITS, (left, taken)
