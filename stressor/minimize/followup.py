"""Minimizing inside a campaign: how much of the campaign's time one failure may take.

Decides the share, since every second here is one that nothing new is looked for.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import evolve, frozen

from stressor.minimize.effort import Effort
from stressor.minimize.search import CarryOut, Search
from stressor.minimize.shrink import minimize
from stressor.model.trial import Trial

SHARE = 2
"""A failure gets this part of what is left."""

GRACE_SECONDS = 20.0
"""A command may last so much longer than asked for, so that what was found last is minimized too."""

ENOUGH_SECONDS = 15.0
"""A failure gets so much even when little is left, as long as there is that much grace."""

SEARCHING = 2 / 3
"""Part of the time of one minimization. Measuring the rate of the result may take half as much again."""

LEAST_SECONDS = 1.0
"""With less nothing can be measured, and the failure stays as it was found."""


class Clock(Protocol):
    """What is asked of a campaign's budget."""

    @property
    def seconds_left(self) -> float | None:
        """Never negative; None without a limit."""

    @property
    def overtime(self) -> float:
        """Seconds beyond the limit."""

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to stop."""


@frozen
class FollowUp:
    """Minimizes with a share of what is left of the campaign, and of the `grace` seconds after it."""

    effort: Effort
    clock: Clock
    grace: float = GRACE_SECONDS

    def __call__(self, trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        """A cheaper trial with its rate, or the trial as it was; see `minimize`."""

        def tell(search: Search) -> None:
            doing(f"minimizing {search.signature}: {search.doing} (run {search.meter.executions})")

        seconds = self._seconds()
        if seconds < LEAST_SECONDS:
            return trial
        effort = evolve(self.effort, seconds=seconds)
        return minimize(trial, carry_out, effort, tell, lambda: self.clock.stopped)

    def _seconds(self) -> float:
        left = self.clock.seconds_left
        if left is None:
            return self.effort.seconds
        room = left + self.grace - self.clock.overtime
        return min(self.effort.seconds, SEARCHING * max(left / SHARE, min(room, ENOUGH_SECONDS)))
