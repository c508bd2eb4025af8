"""A gauge whose observer takes the application's lock, under which the gauge is also read."""

import threading

import gauge_fixed as case

from stressor.targets import Target, operation


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.log = []
        self.gauge = case.Gauge(self.changed)

    def changed(self, value):
        with self.lock:
            self.log.append(value)


class Gauge(Target):
    def setup(self):
        return State()

    @operation
    def set(self, state):
        state.gauge.set(1000)

    @operation
    def report(self, state):
        with state.lock:
            state.log.append(state.gauge.get())

    def check(self, state):
        assert set(state.log) <= {None, 1000}, state.log
