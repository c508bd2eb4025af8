"""The loop of a campaign: known failures first, then new plans until the budget is used up.

Decides what is carried out next and what is done about a failure; leaves carrying out, minimizing
and storing to what it is given. A new signature is kept at once, and followed up when it comes again,
so that nothing found is lost, whatever dies, and rare failures do not use up the time of others. Ends
early, and keeps what it has, when stressor itself fails.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import RLock
from typing import Protocol

from attrs import define, field, frozen

from stressor.campaign.budget import Budget
from stressor.campaign.carryout import CarryOut, all_unbroken
from stressor.campaign.doublecheck import DoubleCheck, parting
from stressor.campaign.exhaustive import ExhaustiveSearch, left_over
from stressor.campaign.findings import Findings, Keep, Shrink
from stressor.campaign.fit import Fitted
from stressor.campaign.known import KnownSites
from stressor.campaign.portfolio import Portfolio
from stressor.campaign.progress import Finding, Progress, Status, Tally
from stressor.campaign.report import Report, Untried
from stressor.campaign.settings import Settings
from stressor.errors import ExitCode, StressorError
from stressor.model.outcome import Verdict
from stressor.model.plan import Plan
from stressor.model.site import Site
from stressor.model.trial import Origin, Trial
from stressor.report.words import many
from stressor.targets.harness import OperationInfo

REVISITS = 5
"""Runs of a known entry before it counts as gone: one kept at 10 of 20 is missed once in 32 times."""

REVISIT_SHARE = 1 / 3
"""Of the seconds, at most, for known failures: a large corpus must leave time for looking."""


NO_TIME = "no time"


class Source(Protocol):
    """Where a job's plans come from."""

    def plan(self, index: int, sites: Sequence[Site]) -> Plan | None:
        """Plan number `index`, given the sites known by now; None when there are no more."""

    def learn(self, trial: Trial) -> None:
        """What became of the plan."""


@frozen
class Surface:
    """What a target offers: its operations, and the sites that a first look at them reached.

    `rehearsal_seconds` is how long that look took: REHEARSED calls of each operation.
    """

    operations: tuple[OperationInfo, ...]
    sites: tuple[Site, ...] = ()
    rehearsal_seconds: float = 0.0


@define(eq=False)
class Campaign:
    """One target, one budget, one job for each carry-out.

    A carry-out is called by one thread at a time. `shrink` None keeps failures as they were found;
    `origin` is written into what is kept. `fit` suits a known failure to this build; it raises
    `StressorError` for one that this build cannot show.
    """

    settings: Settings
    surface: Surface
    jobs: Sequence[CarryOut] = field(converter=all_unbroken)
    keep: Keep
    progress: Progress
    budget: Budget
    shrink: Shrink | None = None
    origin: Origin | None = None
    fit: Callable[[Trial], Fitted] = Fitted
    _known: KnownSites = field(init=False)
    _findings: Findings = field(init=False)
    _check: DoubleCheck = field(init=False)
    # Re-entrant: a job tells progress while it counts.
    _lock: RLock = field(init=False, factory=RLock)
    _tally: Tally = field(init=False, factory=Tally)
    _forgotten: list[Finding] = field(init=False, factory=list)
    _untried: list[Untried] = field(init=False, factory=list)
    _faults: list[Exception] = field(init=False, factory=list)
    _interrupted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._known = KnownSites(self.surface.sites)
        self._findings = Findings(
            self.keep, self.progress, self._lock, self._tell, self.shrink, self.origin
        )
        self._check = DoubleCheck(self.settings.double_check, self.settings.seed)

    def stop(self) -> None:
        """End after the trials under way. May be called by a signal handler."""
        self._interrupted = True
        self.budget.stop()

    def run(self, entries: Sequence[Finding] = ()) -> Report:
        """Try the known entries, then explore. Returns however it ended; raises nothing of its own.

        With one job all happens in the calling thread, with more each has a thread.
        """
        searches = self._searches()
        sources: Sequence[Source] = searches or self._portfolios()
        self._guarded(self._revisit, entries, self.jobs[0])
        if len(self.jobs) == 1:
            self._guarded(self._explore, self.jobs[0], sources[0])
        else:
            with ThreadPoolExecutor(len(self.jobs), "job") as pool:
                for job, source in zip(self.jobs, sources, strict=True):
                    pool.submit(self._guarded, self._explore, job, source)
        explored = tuple(each for search in searches for each in search.explored())
        return Report(
            settings=self.settings,
            status=self._status(""),
            findings=self._findings.all(),
            forgotten=tuple(self._forgotten),
            untried=tuple(self._untried),
            sites=self._known.all(),
            explored=explored,
            left=left_over(self.settings, self.surface.operations, len(explored))
            if explored
            else None,
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

    def _portfolios(self) -> tuple[Portfolio, ...]:
        """One for all jobs: what one learns, all use."""
        surface = self.surface
        shared = Portfolio(self.settings, surface.operations, surface.rehearsal_seconds)
        return (shared,) * len(self.jobs)

    def _searches(self) -> tuple[ExhaustiveSearch, ...]:
        """One for each job, each with programs of its own; none unless that was asked for."""
        asked, count = self.settings.exhaustive, len(self.jobs)
        if asked is None:
            return ()
        return tuple(
            ExhaustiveSearch(asked, self.settings, self.surface.operations, job, count)
            for job in range(count)
        )

    def _explore(self, carry_out: CarryOut, source: Source) -> None:
        while (index := self.budget.take()) is not None:
            plan = source.plan(index, self._known.all())
            if plan is None:
                break
            trial = carry_out(plan)
            source.learn(trial)
            self._count(trial)
            self._tell("exploring")
            self._findings.notice(trial, carry_out)
            if self._check.wants(index, trial):
                self._carry_out_again(trial, carry_out)
        while not self.budget.stopped and (waiting := self._findings.next_waiting()) is not None:
            self._findings.follow_up(waiting, carry_out)

    def _carry_out_again(self, trial: Trial, carry_out: CarryOut) -> None:
        again = carry_out(trial.plan)
        with self._lock:
            self._tally.compare(parting(trial, again))
        self._findings.notice(again, carry_out)

    def _count(self, trial: Trial) -> None:
        self._known.add(trial.evidence.sites, trial.evidence.rounds)
        with self._lock:
            self._tally.add(trial)

    def _revisit(self, entries: Sequence[Finding], carry_out: CarryOut) -> None:
        """Try what is known, within a share of the budget. Only what passed each time is gone."""
        for number, entry in enumerate(entries, 1):
            if self._revisited_enough():
                left = entries[number - 1 :]
                self._note(f"{many(len(left), 'known failure')} not tried: {NO_TIME}")
                self._untried += [Untried(each, NO_TIME) for each in left]
                return
            self._tell(f"trying known failure {number} of {len(entries)}")
            try:
                self._retry(entry, carry_out)
            except StressorError as why:
                if why.exit_code is ExitCode.INTERNAL:
                    raise
                self._note(f"known failure could not be tried: {entry.path}: {why.message}")
                self._untried.append(Untried(entry, why.message))

    def _retry(self, entry: Finding, carry_out: CarryOut) -> None:
        """An entry that fails again is a finding, and so is what it fails with instead."""
        fitted = self.fit(entry.trial)
        if fitted.note:
            self._note(f"known failure {entry.path}: {fitted.note}")
        verdicts = set()
        for _ in range(REVISITS):
            if self._revisited_enough():
                return
            trial = carry_out(fitted.trial.plan)
            self._count(trial)
            verdicts.add(trial.outcome.verdict)
            if trial.outcome.signature == entry.signature:
                self._findings.confirm(entry)
                return
            if trial.outcome.signature not in self._findings:
                self._findings.notice(trial, carry_out)
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
