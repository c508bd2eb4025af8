"""A checksum fed by all threads with the same chunk, so that their order does not matter."""

import rolling as case

from stressor.targets import Target, operation

CHUNK = b"sixteen bytes...and a few more"


class Checksum(Target):
    def setup(self):
        return case.Checksum()

    @operation(weight=3)
    def update(self, checksum):
        checksum.update(CHUNK)

    @operation
    def value(self, checksum):
        return checksum.value()

    def check(self, checksum):
        length, value = checksum.value()
        again = case.Checksum()
        for _ in range(length // len(CHUNK)):
            again.update(CHUNK)
        assert again.value() == (length, value), f"wrong after {length // len(CHUNK)} updates"
