"""What a person sees while a campaign runs: a live display on a terminal, plain lines elsewhere.

Both are a `campaign.progress.Progress`. Decide only how often and how wide; failures are told in full
as soon as they were followed up, since the campaign may take hours.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def watching(quiet: bool) -> Iterator[Progress]:
    """A live display when results go to a terminal, else lines to standard error.

    `quiet`: failures are not told, because the results will be, as JSON.
    """
    out = console()
    if quiet or not out.is_terminal:
        yield PlainWatch(error_console(), None if quiet else out)
        return
    # Transient: what stays on the screen are the failures and the summary.
    with Live(console=out, auto_refresh=False, transient=True) as live:
        yield LiveWatch(live)


class PlainWatch:
    """One line now and then; failures go to `results` unless that is None."""

    def __init__(
        self,
        lines: Console,
        results: Console | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = lines
        self._results = results
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
        if self._results is None:
            self._lines.print(Text(f"found: {plain(str(finding.signature))}"))
        else:
            show(self._results, failure_report(finding.trial, finding.path))

    def note(self, text: str) -> None:
        """Print it at once."""
        self._lines.print(Text(f"stressor: {plain(text)}"))


class LiveWatch:
    """A few lines that are rewritten; failures are printed above them."""

    def __init__(self, live: Live, clock: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._clock = clock
        self._last = float("-inf")

    def update(self, status: Status) -> None:
        """Redraw, at most five times a second."""
        now = self._clock()
        if now - self._last >= LIVE_SECONDS:
            self._last = now
            self._live.update(display(status), refresh=True)

    def found(self, finding: Finding) -> None:
        """Print the report."""
        show(self._live.console, failure_report(finding.trial, finding.path))

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
