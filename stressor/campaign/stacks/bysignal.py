"""faulthandler by signal: Python frames only, but nothing needs to be installed or allowed.

The child registered faulthandler on the signal that the fork server named in its first line. What
it writes goes to its stderr, which the host reads; the handler runs even while the thread waits in
native code, and not at all in a process that is stopped.
"""

import os
from collections.abc import Callable

from stressor.campaign.stacks.provider import LONGEST, NoStacks

SECONDS_TO_ANSWER = 5.0


class BySignal:
    """Send `number` and return what `read` (seconds to wait for the first of it) then has."""

    name = "faulthandler"

    def __init__(self, number: int, read: Callable[[float], str]) -> None:
        self._number = number
        self._read = read

    def obstacle(self) -> str | None:
        """None: every child of a host has it."""
        return None

    def dump(self, pid: int) -> str:
        """Signal the process and wait for its answer. Raises `NoStacks`."""
        try:
            os.kill(pid, self._number)
        except OSError as error:
            raise NoStacks(f"signal {self._number}: {error.strerror}") from None
        text = self._read(SECONDS_TO_ANSWER).strip()
        if "most recent call first" not in text:
            raise NoStacks(f"no answer within {SECONDS_TO_ANSWER:.0f} s")
        return text[:LONGEST]
