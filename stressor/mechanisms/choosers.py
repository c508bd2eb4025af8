"""Who goes next, in plain Python: a random walk where there is no shim, and following a schedule.

The native schedulers are handed in from above, as a `Strategy`: only `stressor.runtime` knows them.
"""

from collections.abc import Callable, Sequence
from random import Random

from attrs import frozen

from stressor.mechanisms.running import Chooser


def _always(steps: Sequence[int]) -> bool:
    return True


@frozen
class Strategy:
    """How to make a chooser: from a seed and how many steps each thread took in a trial run.

    `applies` says whether those steps give the strategy what it stands on; it works without, but
    promises nothing.
    """

    name: str
    begin: Callable[[int, Sequence[int]], Chooser]
    applies: Callable[[Sequence[int]], bool] = _always


class _Blind:
    """A chooser that does not look at what the threads are about to do."""

    def arrive(self, thread: int, site: int, object: int, visit: int, /) -> None:
        """Not looked at."""


class Walk(_Blind):
    """Every thread that can go on is as likely: the scheduler "walk", without the shim."""

    def __init__(self, seed: int, steps: Sequence[int] = ()) -> None:
        self._draw = Random(seed).random

    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        """Any of the set."""
        skip = int(self._draw() * ready.bit_count())
        while skip:
            ready &= ready - 1
            skip -= 1
        return (ready & -ready).bit_length() - 1


PLAIN_WALK = Strategy("plain-walk", Walk)


class Follow(_Blind):
    """Follows a schedule. A thread that cannot go on is left out; at the end, non-preemptive.

    `missed` counts what was left out: 0 when the schedule was one of this model.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        self._left = list(schedule)[::-1]
        self.missed = 0

    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        """The next of the schedule that can go on, else whoever has the turn, else the next one."""
        while self._left:
            thread = self._left.pop()
            if ready >> thread & 1:
                return thread
            self.missed += 1
        later = ready >> current << current if current >= 0 else ready
        ready = later or ready
        return (ready & -ready).bit_length() - 1
