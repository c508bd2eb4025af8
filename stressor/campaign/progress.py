"""What a campaign tells while it runs, and what it found: plain data, and the door it is told through.

Decides what is counted. How it looks on a terminal is the command line's business.
"""

from collections import Counter
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from stressor.model.outcome import Signature, Verdict
from stressor.model.trial import Trial

MOST_REASONS = 100
OTHER_REASONS = "other reasons"
UNDECIDED = (Verdict.UNKNOWN, Verdict.DIVERGED)


@frozen
class Finding:
    """One signature and its exemplar, minimized when `trial.minimized` says so.

    `path` is its corpus file, None when it could not be saved. `known`: it was in the corpus before
    the campaign.
    """

    signature: Signature
    trial: Trial
    path: Path | None = None
    known: bool = False


@define
class Tally:
    """Counts of all trials of one campaign; written under the campaign's lock.

    `calls` are operation calls in all rounds, as planned: a last round that failed made fewer.
    `reasons` says why trials were not decided; a target can make any number of them, so after
    `MOST_REASONS` the rest is one.
    `schedules` are rounds in which threads took turns. Of the trials that were carried out `twice`,
    `astray` went another way the second time; `parting` says where the first of them did.
    """

    trials: int = 0
    rounds: int = 0
    calls: int = 0
    strangers: int = 0
    schedules: int = 0
    twice: int = 0
    astray: int = 0
    parting: str = ""
    verdicts: Counter[Verdict] = field(factory=Counter)
    operations: Counter[str] = field(factory=Counter)
    failures: Counter[Signature] = field(factory=Counter)
    reasons: Counter[str] = field(factory=Counter)

    def compare(self, parting: str | None) -> None:
        """Count one double check: where the second run went another way, None when it did not."""
        self.twice += 1
        if parting is not None:
            self.astray += 1
            self.parting = self.parting or parting

    def add(self, trial: Trial) -> None:
        """Count one trial."""
        rounds = trial.evidence.rounds
        self.trials += 1
        self.rounds += rounds
        self.calls += rounds * trial.plan.calls
        self.strangers += trial.evidence.strangers
        self.schedules += rounds if trial.plan.schedule is not None else 0
        self.verdicts[trial.outcome.verdict] += 1
        for calls in trial.plan.program:
            for call in calls:
                self.operations[call.op] += rounds
        if trial.outcome.signature is not None:
            self.failures[trial.outcome.signature] += 1
        if trial.outcome.verdict in UNDECIDED:
            # The first is the reason, others are remarks.
            reason = next(iter(trial.outcome.undecided), "no reason is known")
            known = reason in self.reasons or len(self.reasons) < MOST_REASONS
            self.reasons[reason if known else OTHER_REASONS] += 1


@frozen
class Status:
    """Where a campaign stands. `doing` is what the job that spoke last is at."""

    target: str
    doing: str
    tally: Tally
    sites: int
    seconds: float
    seconds_left: float | None
    trials_left: int | None


class Progress(Protocol):
    """Told by a campaign, from one thread at a time; must be quick and must not raise."""

    def update(self, status: Status) -> None:
        """A trial ended, or something else is being done."""

    def found(self, finding: Finding) -> None:
        """A signature was followed up, as far as it will be in this campaign."""

    def note(self, text: str) -> None:
        """Something that a person should know, in one or more lines."""


class Silent:
    """Tells nobody."""

    def update(self, status: Status) -> None:
        """Nothing."""

    def found(self, finding: Finding) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
