"""How much a minimization may cost, and the meter that says when it is spent.

Decides nothing about plans. Running out is an ordinary end, said by an exception, so that no pass
needs to look at a clock; the best trial so far lives in the `Search` and survives it.
"""

from collections.abc import Callable
from time import monotonic

from attrs import define, field, frozen


@frozen
class Effort:
    """Ceilings of one minimization: seconds on the clock and trials carried out."""

    seconds: float = 60.0
    executions: int = 150


DEFAULT = Effort()


class Spent(Exception):
    """The effort is used up, or the user asked to stop."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


@define
class Meter:
    """Counts against one effort from the moment it is made; `until` is the share that may be used."""

    effort: Effort
    clock: Callable[[], float] = monotonic
    stopped: Callable[[], bool] = never
    executions: int = 0
    until: float = 1.0
    _began: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        """Seconds used so far."""
        return self.clock() - self._began

    @property
    def share(self) -> float:
        """The part that is used up, of seconds or of executions, whichever is more."""
        return max(
            _part(self.seconds, self.effort.seconds),
            _part(self.executions, self.effort.executions),
        )

    @property
    def limit(self) -> str:
        """What ends it early, in words: "as far as 150 runs allowed"."""
        if self.stopped():
            return "until it was stopped"
        effort = self.effort
        by_time = _part(self.seconds, effort.seconds) > _part(self.executions, effort.executions)
        most = f"{effort.seconds:.3g} seconds" if by_time else f"{effort.executions} runs"
        return f"as far as {most} allowed"

    def charge(self) -> None:
        """Pay for one execution; raises `Spent` instead when there is nothing left to pay with."""
        if self.stopped() or self.share >= self.until:
            raise Spent
        self.executions += 1


def _part(used: float, most: float) -> float:
    return used / most if most > 0 else 1.0
