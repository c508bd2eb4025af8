"""A `queue.SimpleQueue`: everything that is put in must come out, once."""

import _queue

from stressor.targets import Target, operation


class State:
    def __init__(self):
        self.queue = _queue.SimpleQueue()
        self.put = []
        self.got = []


class Queue(Target):
    def setup(self):
        return State()

    @operation
    def put(self, state):
        item = object()
        state.put.append(item)
        state.queue.put(item)

    @operation(raises=_queue.Empty)
    def get(self, state):
        state.got.append(state.queue.get_nowait())

    @operation
    def size(self, state):
        assert state.queue.qsize() >= 0

    def check(self, state):
        while not state.queue.empty():
            state.got.append(state.queue.get_nowait())
        assert sorted(map(id, state.put)) == sorted(map(id, state.got))
