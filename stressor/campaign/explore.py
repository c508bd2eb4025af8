"""The loop of a campaign: known failures first, then new plans until the budget is used up.

Decides what is carried out next and what is done about a failure; leaves carrying out, minimizing
and storing to what it is given. A new signature is kept at once, and followed up when it comes again,
so that nothing found is lost, whatever dies, and rare failures do not use up the time of others. Ends
early, and keeps what it has, when stressor itself fails.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import RLock
from typing import Protocol

from attrs import define, evolve, field, frozen

from stressor.campaign.budget import Budget
from stressor.campaign.known import KnownSites
from stressor.campaign.locate import located
from stressor.campaign.portfolio import Portfolio
from stressor.campaign.progress import Finding, Progress, Status, Tally
from stressor.campaign.report import Report
from stressor.campaign.settings import Settings
from stressor.errors import ExitCode, StressorError
from stressor.model.cost import Cost, cost
from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.model.plan import Plan
from stressor.model.site import Site
from stressor.model.trial import Origin, Trial
from stressor.targets.harness import OperationInfo

type CarryOut = Callable[[Plan], Trial]

REVISITS = 5
"""Runs of a known entry before it counts as gone: one kept at 10 of 20 is missed once in 32 times."""

REVISIT_SHARE = 1 / 3
"""Of the seconds, at most, for known failures: a large corpus must leave time for looking."""


class Shrink(Protocol):
    """Makes a failing trial cheaper and measures its rate; the input at worst."""

    def __call__(self, trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        """`doing` is told what is being tried."""


class Keep(Protocol):
    """Where failing trials go."""

    def __call__(self, trial: Trial) -> Path:
        """Write one and return its file. Raises `OSError` or `StressorError` when it cannot."""


@frozen
class Surface:
    """What a target offers: its operations, and the sites that a first look at them reached.

    `rehearsal_seconds` is how long that look took: REHEARSED calls of each operation.
    """

    operations: tuple[OperationInfo, ...]
    sites: tuple[Site, ...] = ()
    rehearsal_seconds: float = 0.0


class BrokenError(StressorError):
    """A trial ended by a fault of stressor's own."""


def unbroken(carry_out: CarryOut) -> CarryOut:
    """Raise `BrokenError` where a trial was broken by stressor itself: nothing it says counts."""

    def run(plan: Plan) -> Trial:
        trial = carry_out(plan)
        if trial.outcome.verdict is Verdict.BROKEN:
            raise BrokenError(trial.evidence.fault or "a trial broke without saying why")
        return trial

    return run


def _cost(trial: Trial) -> Cost:
    return cost(trial.plan)


def _weight(trial: Trial) -> tuple[bool, Cost]:
    """Of two exemplars the measured one, then the cheaper."""
    return trial.rate is None, cost(trial.plan)


def all_unbroken(jobs: Sequence[CarryOut]) -> tuple[CarryOut, ...]:
    """`unbroken` for each."""
    return tuple(map(unbroken, jobs))


@define(eq=False)
class Campaign:
    """One target, one budget, one job for each carry-out.

    A carry-out is called by one thread at a time. `shrink` None keeps failures as they were found;
    `origin` is written into what is kept.
    """

    settings: Settings
    surface: Surface
    jobs: Sequence[CarryOut] = field(converter=all_unbroken)
    keep: Keep
    progress: Progress
    budget: Budget
    shrink: Shrink | None = None
    origin: Origin | None = None
    _portfolio: Portfolio = field(init=False)
    _known: KnownSites = field(init=False)
    # Re-entrant: a job tells progress while it counts.
    _lock: RLock = field(init=False, factory=RLock)
    _tally: Tally = field(init=False, factory=Tally)
    _findings: dict[Signature, Finding] = field(init=False, factory=dict)
    _waiting: dict[Signature, Trial] = field(init=False, factory=dict)
    _forgotten: list[Finding] = field(init=False, factory=list)
    _faults: list[Exception] = field(init=False, factory=list)
    _interrupted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._portfolio = Portfolio(
            self.settings, self.surface.operations, self.surface.rehearsal_seconds
        )
        self._known = KnownSites(self.surface.sites)

    def stop(self) -> None:
        """End after the trials under way. May be called by a signal handler."""
        self._interrupted = True
        self.budget.stop()

    def run(self, entries: Sequence[Finding] = ()) -> Report:
        """Try the known entries, then explore. Returns however it ended; raises nothing of its own.

        With one job all happens in the calling thread, with more each has a thread.
        """
        self._guarded(self._revisit, entries, self.jobs[0])
        if len(self.jobs) == 1:
            self._guarded(self._explore, self.jobs[0])
        else:
            with ThreadPoolExecutor(len(self.jobs), "job") as pool:
                for job in self.jobs:
                    pool.submit(self._guarded, self._explore, job)
        return Report(
            settings=self.settings,
            status=self._status(""),
            findings=tuple(self._findings.values()),
            forgotten=tuple(self._forgotten),
            sites=self._known.all(),
            faults=tuple(self._faults),
            interrupted=self._interrupted,
        )

    def _guarded[**P](self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """What a job raises ends the campaign, and is told with what was found until then."""
        try:
            work(*args, **kwargs)
        except Exception as fault:  # every job's fault is reported, whatever it is
            with self._lock:
                self._faults.append(fault)
            self.budget.stop()

    def _explore(self, carry_out: CarryOut) -> None:
        while (index := self.budget.take()) is not None:
            plan = self._portfolio.plan(index, self._known.all())
            trial = carry_out(plan)
            self._count(trial)
            self._tell("exploring")
            self._notice(trial, carry_out)
        while not self.budget.stopped and (waiting := self._next_waiting()) is not None:
            self._follow_up(waiting, carry_out)

    def _count(self, trial: Trial) -> None:
        self._known.add(trial.evidence.sites, trial.evidence.rounds)
        with self._lock:
            self._tally.add(trial)

    def _notice(self, trial: Trial, carry_out: CarryOut) -> None:
        """Keep a new signature; follow it up when it comes again, which says that it can.

        What is seen once only is followed up when exploring is over: it may take long, and in vain.
        So is a hang: each of its runs takes seconds.
        """
        signature = trial.outcome.signature
        if signature is None:
            return
        with self._lock:
            new = signature not in self._findings
            if new:
                self._findings[signature] = Finding(signature, trial)
                self._waiting[signature] = trial
            waits = new or signature.kind is FailureKind.HANG
            before = None if waits else self._waiting.pop(signature, None)
        if new:
            self._saved(trial)
        elif before is not None:
            self._follow_up(min(before, trial, key=_cost), carry_out)

    def _next_waiting(self) -> Trial | None:
        """Hangs last."""
        with self._lock:
            order = sorted(self._waiting, key=lambda each: each.kind is FailureKind.HANG)
            return self._waiting.pop(order[0]) if order else None

    def _follow_up(self, trial: Trial, carry_out: CarryOut) -> None:
        """Make it cheaper, and keep that. Only one job gets to do this for a signature.

        A crash may have become an akin one: then what was found stays as it is, and the cheaper one
        is an exemplar of its own signature.
        """
        if self.shrink is not None:
            trial = self.shrink(trial, carry_out, self._tell)
        self._saved(located(trial))
        assert trial.outcome.signature is not None  # only failures are followed up
        with self._lock:
            self.progress.found(self._findings[trial.outcome.signature])

    def _saved(self, trial: Trial) -> None:
        """Keep it as its signature's exemplar, in memory at least."""
        signature = trial.outcome.signature
        assert signature is not None  # only failures are kept
        trial, path = evolve(trial, origin=self.origin), None
        try:
            path = self.keep(trial)
        except (OSError, StressorError) as why:
            self._note(f"{signature} could not be saved: {why}. Its report has the whole entry.")
        with self._lock:
            before = self._findings.get(signature)
            if before is None or _weight(trial) <= _weight(before.trial):
                self._findings[signature] = Finding(signature, trial, path)

    def _revisit(self, entries: Sequence[Finding], carry_out: CarryOut) -> None:
        """Try what is known, within a share of the budget. Only what passed each time is gone."""
        for number, entry in enumerate(entries, 1):
            if self._revisited_enough():
                self._note(f"{len(entries) - number + 1} known failures were not tried: no time")
                return
            self._tell(f"trying known failure {number} of {len(entries)}")
            try:
                self._retry(entry, carry_out)
            except StressorError as why:
                if why.exit_code is ExitCode.INTERNAL:
                    raise
                self._note(f"known failure could not be tried: {entry.path}: {why.message}")

    def _retry(self, entry: Finding, carry_out: CarryOut) -> None:
        """An entry that fails again is a finding, and so is what it fails with instead."""
        verdicts = set()
        for _ in range(REVISITS):
            if self._revisited_enough():
                return
            trial = carry_out(entry.trial.plan)
            self._count(trial)
            verdicts.add(trial.outcome.verdict)
            if trial.outcome.signature == entry.signature:
                self._findings[entry.signature] = entry
                return
            if trial.outcome.signature not in self._findings:
                self._notice(trial, carry_out)
        if verdicts == {Verdict.PASSED}:
            self._forgotten.append(entry)
        elif Verdict.FAILED not in verdicts:
            self._note(f"known failure could not be decided: {entry.signature} ({entry.path})")

    def _revisited_enough(self) -> bool:
        left = self.budget.seconds_left
        most = (
            None if self.settings.seconds is None else self.settings.seconds * (1 - REVISIT_SHARE)
        )
        return self.budget.is_over or (left is not None and most is not None and left < most)

    def _note(self, text: str) -> None:
        with self._lock:
            self.progress.note(text)

    def _tell(self, doing: str) -> None:
        with self._lock:
            self.progress.update(self._status(doing))

    def _status(self, doing: str) -> Status:
        budget = self.budget
        return Status(
            target=self.settings.target,
            doing=doing,
            tally=self._tally,
            sites=len(self._known),
            seconds=budget.seconds,
            seconds_left=budget.seconds_left,
            trials_left=budget.trials_left,
        )
