"""How long a campaign may go on: seconds, trials, or until somebody asks it to stop.

Hands out plan numbers, so that jobs share one budget and no number is tried twice. Decides nothing
about what a number means.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic


class Budget:
    """Begins to run when it is made. Safe to use from all jobs, and `stop` from a signal handler."""

    def __init__(
        self,
        seconds: float | None = None,
        trials: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._seconds = seconds
        self._trials = trials
        self._clock = clock
        self._began = clock()
        self._taken = 0
        self._stopped = False
        self._lock = Lock()

    def take(self) -> int | None:
        """The next plan number, None when the budget is used up."""
        with self._lock:
            if self.is_over:
                return None
            self._taken += 1
            return self._taken - 1

    def stop(self) -> None:
        """No more numbers from now on. Takes no lock: a signal handler may interrupt `take`."""
        self._stopped = True

    @property
    def is_over(self) -> bool:
        """Whether `take` has nothing more to give."""
        return self._stopped or self.trials_left == 0 or self.seconds_left == 0.0

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to stop; running out is no stop."""
        return self._stopped

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    @property
    def seconds_left(self) -> float | None:
        """Never negative; None without a limit."""
        return None if self._seconds is None else max(self._seconds - self.seconds, 0.0)

    @property
    def overtime(self) -> float:
        """Seconds beyond the limit; 0 within it or without one."""
        return 0.0 if self._seconds is None else max(self.seconds - self._seconds, 0.0)

    @property
    def trials_left(self) -> int | None:
        """Never negative; None without a limit."""
        return None if self._trials is None else max(self._trials - self._taken, 0)
