"""A dispatcher whose handlers are called while they are replaced and removed."""

import dispatch_fixed as case
from hypothesis import strategies as st

from stressor.targets import Target, operation

EVENTS = [f"event {number}" for number in range(20)]


class Handler:
    def __init__(self, number):
        self.number = number

    def __call__(self):
        return self.number


class Dispatcher(Target):
    def setup(self):
        dispatcher = case.Dispatcher()
        for event in EVENTS:
            dispatcher.connect(event, Handler(-1))
        return dispatcher

    @operation(event=st.sampled_from(EVENTS), weight=2)
    def send(self, dispatcher, event):
        answer = dispatcher.send(event)
        assert answer is None or -1 <= answer <= 9, answer
        return answer

    @operation(event=st.sampled_from(EVENTS), number=st.integers(0, 9))
    def connect(self, dispatcher, event, number):
        dispatcher.connect(event, Handler(number))

    @operation(event=st.sampled_from(EVENTS), raises=KeyError)
    def disconnect(self, dispatcher, event):
        dispatcher.disconnect(event)
