"""An `itertools.cycle` that all threads advance: what comes out must have been put in."""

import itertools

from stressor.targets import Target, operation


class State:
    def __init__(self):
        self.items = [object() for _ in range(8)]
        self.cycle = itertools.cycle(iter(self.items))


class Cycle(Target):
    def setup(self):
        return State()

    @operation(raises=StopIteration)
    def step(self, state):
        value = next(state.cycle)
        assert any(value is item for item in state.items), value
