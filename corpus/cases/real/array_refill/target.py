"""An `array.array` that is emptied and filled again while others read it."""

from array import array

from stressor.targets import Target, operation

LENGTH = 64


class Refill(Target):
    def setup(self):
        return array("q", range(LENGTH))

    @operation(raises=IndexError, weight=2)
    def read(self, numbers):
        return numbers[5]

    @operation
    def refill(self, numbers):
        numbers.clear()
        numbers.extend(range(LENGTH))

    @operation(raises=IndexError)
    def shorten(self, numbers):
        numbers.pop()
