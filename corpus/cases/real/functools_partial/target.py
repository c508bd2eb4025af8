"""A `functools.partial` that is called and shown while another thread gives it a new state."""

import functools

from stressor.targets import Target, operation


def count(*args, **kwargs):
    return len(args) + len(kwargs)


class Partial(Target):
    def setup(self):
        return functools.partial(count, object(), object())

    @operation(weight=2)
    def call(self, partial):
        assert partial(1) >= 3

    @operation
    def show(self, partial):
        return repr(partial)

    @operation
    def replace(self, partial):
        partial.__setstate__((count, (object(), object(), object()), {"extra": object()}, None))
