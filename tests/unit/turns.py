"""Controlled rounds written by hand: visits in, steps out."""

from stressor.model.evidence import Control, Step, Wait, Why
from stressor.model.site import Phase

READY = (0, 1)


class Round:
    """Builds the steps of a round, visit by visit; each thread's visits of a site are counted."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._visits: dict[tuple[int, str], int] = {}
        self._last: dict[int, Step] = {}

    def before(self, thread: int, site: str, obj: int = 0) -> "Round":
        """The thread arrives."""
        visit = self._visits.get((thread, site), 0) + 1
        self._visits[thread, site] = visit
        return self._add(thread, site, visit, Phase.BEFORE, obj)

    def after(self, thread: int, site: str, obj: int = 0) -> "Round":
        """The thread has come back from the call."""
        return self._add(thread, site, self._visits[thread, site], Phase.AFTER, obj)

    def calls(self, thread: int, site: str, obj: int = 0) -> "Round":
        """Both sides, nothing in between."""
        return self.before(thread, site, obj).after(thread, site, obj)

    def blocks(self, thread: int, site: str, obj: int = 0) -> "Round":
        """The thread arrives and has to wait there: the choice is at the same visit again."""
        self.before(thread, site, obj)
        last = self._last[thread]
        return self._step(Step(thread, site, last.visit, Phase.BEFORE, 0, Why.BLOCKED, READY, obj))

    def expires(self, thread: int) -> "Round":
        """All wait, and the time of this one is over."""
        return self._step(Step(-1, "", 0, Phase.BEFORE, thread, Why.EXPIRED, (thread,)))

    def ends(self, thread: int) -> "Round":
        """The thread has made its last call."""
        return self._step(Step(thread, "", 0, Phase.BEFORE, 0, Why.ENDED, READY))

    def deadlock(self, *threads: int) -> Control:
        """Nobody goes on: these wait at their last visits."""
        waits = tuple(
            Wait(thread, self._last[thread].site, self._last[thread].visit, self._last[thread].obj)
            for thread in threads
        )
        return Control(tuple(self.steps), len(self.steps), "0" * 16, waits)

    def _add(self, thread: int, site: str, visit: int, phase: Phase, obj: int) -> "Round":
        return self._step(Step(thread, site, visit, phase, thread, Why.VISIT, READY, obj))

    def _step(self, step: Step) -> "Round":
        self.steps.append(step)
        if step.site:
            self._last[step.thread] = step
        return self
