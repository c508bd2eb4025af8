"""What became of one campaign, and the exit code that it deserves.

Decides how much silence is worth: no failure counts as "nothing found" only if operations were
carried out to their end and nothing prevented the test.
"""

from attrs import frozen

from stressor.campaign.exhaustive import Explored, Left
from stressor.campaign.progress import Finding, Status
from stressor.campaign.settings import Settings
from stressor.errors import ExitCode
from stressor.model.outcome import Verdict
from stressor.model.site import Site

INTERRUPTED = 130
"""Ctrl-C before anything was found: 128 + SIGINT, as shells say it. Not 0, since less was tested than
was asked for."""


@frozen
class Untried:
    """A known failure that was not tried, and why."""

    entry: Finding
    reason: str


@frozen
class Report:
    """The end of one campaign, however it ended.

    `faults` are what stopped it: stressor's own wrongs, or a target that could not be tested any more.
    `forgotten` are corpus entries that were tried first and did not fail again, `untried` those
    that nothing is known about; `explored` are the programs of an exhaustive campaign, `left` is
    how many it did not begin.
    """

    settings: Settings
    status: Status
    findings: tuple[Finding, ...] = ()
    forgotten: tuple[Finding, ...] = ()
    untried: tuple[Untried, ...] = ()
    sites: tuple[Site, ...] = ()
    explored: tuple[Explored, ...] = ()
    left: Left | None = None
    faults: tuple[Exception, ...] = ()
    interrupted: bool = False

    @property
    def exercised(self) -> bool:
        """Whether any trial came to its end, with operations called in it."""
        tally = self.status.tally
        ended = tally.verdicts[Verdict.PASSED] + tally.verdicts[Verdict.FAILED]
        return ended > 0 and tally.calls > 0

    @property
    def exit_code(self) -> int:
        """Worst first: a fault of stressor's own, failures, what prevented the test, nothing."""
        codes = [int(getattr(fault, "exit_code", ExitCode.INTERNAL)) for fault in self.faults]
        if ExitCode.INTERNAL in codes:
            return ExitCode.INTERNAL
        if self.findings:
            return ExitCode.FAILURES_FOUND
        if codes:
            return max(codes)
        if self.interrupted:
            return INTERRUPTED
        return ExitCode.NOTHING_FOUND if self.exercised else ExitCode.NOT_TESTED
