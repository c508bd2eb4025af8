"""A bounded `collections.deque`, changed at both ends and read in between."""

from collections import deque

from hypothesis import strategies as st

from stressor.targets import Target, operation

LONGEST = 16


class Deque(Target):
    def setup(self):
        return deque(range(10), maxlen=LONGEST)

    @operation
    def append(self, numbers):
        numbers.append(object())

    @operation(raises=IndexError)
    def popleft(self, numbers):
        return numbers.popleft()

    @operation(index=st.integers(0, LONGEST - 1), raises=IndexError)
    def read(self, numbers, index):
        return numbers[index]

    @operation(steps=st.integers(-3, 3))
    def rotate(self, numbers, steps):
        numbers.rotate(steps)

    def check(self, numbers):
        assert len(numbers) == len(list(numbers)) <= LONGEST
