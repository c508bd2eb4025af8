"""What a person sees while a campaign runs: a live display on a terminal, plain lines elsewhere.

Both are a `campaign.progress.Progress`. Decide only how often and how wide; failures are told in full
as soon as they were minimized, since the campaign may take hours.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from stressor.campaign.progress import Finding, Progress, Status
from stressor.cli.output import console, error_console
from stressor.report import failure_report, show
from stressor.report.plain import plain

PLAIN_SECONDS = 5.0
LIVE_SECONDS = 0.2
MOST_SIGNATURES = 8


def is_minimized(finding: Finding) -> bool:
    """Whether its report is as short as it will be."""
    return finding.trial.minimized


def always(finding: Finding) -> bool:
    """No report waits: none will be shorter."""
    return True


@define
class Reports:
    """Reports of all campaigns of a command: those to be told `at_once`, then the others.

    So that the first report is one that is easy to read. What has no file does not wait, since nothing
    else has it.
    """

    at_once: Callable[[Finding], bool] = is_minimized
    has_begun: bool = field(init=False, default=False)
    _waiting: list[Finding] = field(init=False, factory=list)

    def tell(self, out: Console, lines: Console, finding: Finding) -> None:
        """Print the report, or a line until `release`."""
        if finding.path is None or self.at_once(finding):
            self.has_begun = True
            show(out, failure_report(finding.trial, finding.path))
            return
        self._waiting.append(finding)
        said = f"found: {finding.signature} ({finding.path}); not minimized, the report comes later"
        lines.print(Text(plain(said)))

    def release(self, out: Console) -> None:
        """Print all that wait."""
        for finding in self._waiting:
            show(out, failure_report(finding.trial, finding.path))
        self._waiting.clear()


@contextmanager
def watching(reports: Reports | None) -> Iterator[Progress]:
    """A live display when results go to a terminal, else lines to standard error.

    Without `reports` failures are told in a line only, because the results will be, as JSON.
    """
    out = console()
    if reports is None or not out.is_terminal:
        yield PlainWatch(error_console(), out, reports)
        return
    # Transient: what stays on the screen are the failures and the summary.
    with Live(console=out, auto_refresh=False, transient=True) as live:
        yield LiveWatch(live, reports)


class PlainWatch:
    """One line now and then; reports of failures go to `results`."""

    def __init__(
        self,
        lines: Console,
        results: Console,
        reports: Reports | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = lines
        self._results = results
        self._reports = reports
        self._clock = clock
        self._last = clock()

    def update(self, status: Status) -> None:
        """Print a line when the last one is old enough."""
        now = self._clock()
        if now - self._last >= PLAIN_SECONDS:
            self._last = now
            self._lines.print(
                Text(f"{plain(status.target)}: {numbers(status)}; {plain(status.doing)}")
            )

    def found(self, finding: Finding) -> None:
        """Print the report, or one line about it."""
        if self._reports is None:
            self._lines.print(Text(f"found: {plain(str(finding.signature))}"))
        else:
            self._reports.tell(self._results, self._lines, finding)

    def note(self, text: str) -> None:
        """Print it at once."""
        self._lines.print(Text(f"stressor: {plain(text)}"))


class LiveWatch:
    """A few lines that are rewritten; failures are printed above them."""

    def __init__(
        self, live: Live, reports: Reports, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._live = live
        self._reports = reports
        self._clock = clock
        self._last = float("-inf")

    def update(self, status: Status) -> None:
        """Redraw, at most five times a second."""
        now = self._clock()
        if now - self._last >= LIVE_SECONDS:
            self._last = now
            self._live.update(display(status), refresh=True)

    def found(self, finding: Finding) -> None:
        """Print the report, or one line about it."""
        self._reports.tell(self._live.console, self._live.console, finding)

    def note(self, text: str) -> None:
        """Print it at once."""
        self._live.console.print(Text(f"stressor: {plain(text)}"))


def display(status: Status) -> Group:
    """What is rewritten: where the campaign stands, what it does, what failed so far."""
    lines = [
        Text(f"{plain(status.target)}: {plain(status.doing)}", "bold"),
        Text(f"  {numbers(status)}"),
    ]
    for signature, count in status.tally.failures.most_common(MOST_SIGNATURES):
        lines.append(Text(f"  {count:6} x {plain(str(signature))}", "red"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def numbers(status: Status) -> str:
    """Trials, speed, calls, sites, failures and what is left of the budget."""
    tally = status.tally
    failures = sum(tally.failures.values())
    parts = [f"{status.seconds:.0f} s"]
    if status.seconds_left is not None:
        parts.append(f"{status.seconds_left:.0f} s left")
    if status.trials_left is not None:
        parts.append(f"{status.trials_left} trials left")
    parts += [
        f"{tally.trials} trials ({_speed(tally.trials / max(status.seconds, 1e-9))}/s)",
        f"{tally.calls} calls",
        f"{status.sites} sites",
        f"{failures} failed, signatures: {len(tally.failures)}",
    ]
    return ", ".join(parts)


def _speed(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second < 10 else f"{per_second:.0f}"
