"""The two branches of an `itertools.tee`, each advanced by all threads."""

import itertools

from stressor.targets import Target, operation

LENGTH = 5000


class Tee(Target):
    def setup(self):
        return itertools.tee(iter(range(LENGTH)))

    # RuntimeError: a branch may refuse to be advanced by two threads at once.
    @operation(raises=(StopIteration, RuntimeError))
    def left(self, branches):
        assert 0 <= next(branches[0]) < LENGTH

    @operation(raises=(StopIteration, RuntimeError))
    def right(self, branches):
        assert 0 <= next(branches[1]) < LENGTH
