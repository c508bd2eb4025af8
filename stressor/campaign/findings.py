"""The failures of a campaign, by signature: kept at once, made exact, followed up when they come again.

Decides which trial is a signature's exemplar and when it is worth the time of minimizing. What is seen
once only is followed up when exploring is over: it may take long, and in vain. So is a hang: each of
its runs takes seconds.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Protocol

from attrs import define, evolve, field

from stressor.campaign.carryout import CarryOut
from stressor.campaign.exactly import exactly
from stressor.campaign.locate import located, with_ordinals
from stressor.campaign.progress import Finding, Progress
from stressor.errors import StressorError
from stressor.model.cost import Cost, cost
from stressor.model.outcome import FailureKind, Signature
from stressor.model.trial import Origin, Trial


class Shrink(Protocol):
    """Makes a failing trial cheaper and measures its rate; the input at worst."""

    def __call__(self, trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        """`doing` is told what is being tried."""


class Keep(Protocol):
    """Where failing trials go."""

    def __call__(self, trial: Trial) -> Path:
        """Write one and return its file. Raises `OSError` or `StressorError` when it cannot."""


def _weight(trial: Trial) -> tuple[bool, Cost]:
    """Of two exemplars the measured one, then the cheaper."""
    return trial.rate is None, cost(trial.plan)


@define(eq=False)
class Findings:
    """`lock` is the campaign's, held whenever `progress` is told; `tell` says what is being done."""

    keep: Keep
    progress: Progress
    lock: RLock
    tell: Callable[[str], None]
    shrink: Shrink | None = None
    origin: Origin | None = None
    _found: dict[Signature, Finding] = field(init=False, factory=dict)
    _waiting: dict[Signature, Trial] = field(init=False, factory=dict)

    def __contains__(self, signature: object) -> bool:
        return signature in self._found

    def all(self) -> tuple[Finding, ...]:
        """In the order in which they were found."""
        with self.lock:
            return tuple(self._found.values())

    def confirm(self, entry: Finding) -> None:
        """A known one has failed again."""
        with self.lock:
            self._found[entry.signature] = entry

    def notice(self, trial: Trial, carry_out: CarryOut) -> None:
        """Keep a new signature; follow it up when it comes again, which says that it can."""
        signature = trial.outcome.signature
        if signature is None:
            return
        with self.lock:
            new = signature not in self._found
            if new:
                self._found[signature] = Finding(signature, trial)
                self._waiting[signature] = trial
            waits = new or signature.kind is FailureKind.HANG
            before = None if waits else self._waiting.pop(signature, None)
        if new:
            self._saved(trial)
            self._make_exact(trial, carry_out)
        elif before is not None:
            self.follow_up(min(before, trial, key=_weight), carry_out)

    def next_waiting(self) -> Trial | None:
        """One that was not followed up yet. Hangs last."""
        with self.lock:
            order = sorted(self._waiting, key=lambda each: each.kind is FailureKind.HANG)
            return self._waiting.pop(order[0]) if order else None

    def follow_up(self, trial: Trial, carry_out: CarryOut) -> None:
        """Make it cheaper, and keep that. Only one job gets to do this for a signature.

        A crash may have become an akin one: then what was found stays as it is, and the cheaper one
        is an exemplar of its own signature.
        """
        signature = trial.outcome.signature
        assert signature is not None  # only failures are followed up
        if self.shrink is not None:
            trial = self.shrink(trial, carry_out, self.tell)
        self._saved(located(trial))
        with self.lock:
            self.progress.found(self._found[trial.outcome.signature or signature])

    def _make_exact(self, trial: Trial, carry_out: CarryOut) -> None:
        exact = exactly(trial, carry_out)
        if exact is None:
            return
        signature = exact.outcome.signature
        assert signature is not None  # the same as that of the trial
        with self.lock:
            if signature in self._waiting:  # else another job has seen it again meanwhile
                self._waiting[signature] = exact
        self._saved(exact)

    def _saved(self, trial: Trial) -> None:
        """Keep it as its signature's exemplar, in memory at least."""
        signature = trial.outcome.signature
        assert signature is not None  # only failures are kept
        trial, path = evolve(with_ordinals(trial), origin=self.origin), None
        try:
            path = self.keep(trial)
        except (OSError, StressorError) as why:
            with self.lock:
                self.progress.note(
                    f"{signature} could not be saved: {why}. Its report has the whole entry."
                )
        with self.lock:
            before = self._found.get(signature)
            if before is None or _weight(trial) <= _weight(before.trial):
                self._found[signature] = Finding(signature, trial, path)
