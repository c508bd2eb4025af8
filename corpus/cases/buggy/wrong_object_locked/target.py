"""Samples that several threads extend, each by other samples of four."""

import samples as case
from hypothesis import strategies as st

from stressor.targets import Target, operation

LENGTH = 3


class State:
    def __init__(self):
        self.parts = [case.Samples() for _ in range(4)]
        for number, part in enumerate(self.parts, start=1):
            for _ in range(LENGTH):
                part.append(number)
        self.all = case.Samples()
        self.all.extend(self.parts[0])
        self.extended = [0]


class Samples(Target):
    def setup(self):
        return State()

    @operation(part=st.integers(0, 3))
    def extend(self, state, part):
        state.all.extend(state.parts[part])
        state.extended.append(part)

    def check(self, state):
        count, total = state.all.summary()
        assert count == LENGTH * len(state.extended), (count, state.extended)
        assert total == LENGTH * sum(part + 1 for part in state.extended), (total, state.extended)
