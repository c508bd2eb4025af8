"""The summary of many trials: failures by signature, what was exercised, what could not be decided."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from attrs import field, frozen
from rich.text import Text

from stressor.model.outcome import Signature, Verdict
from stressor.model.site import Site
from stressor.model.trial import Rate
from stressor.report.plain import Page, plain
from stressor.report.replay import replay_command
from stressor.report.schedules import Covered, coverage_lines, double_check_line, left_line
from stressor.report.words import duration

MOST_REASONS = 5


@frozen
class Found:
    """One signature: how many trials had it, and its exemplar.

    `entry` is None when it could not be saved; `known` says that it was in the corpus before.
    """

    signature: Signature
    trials: int
    entry: Path | None = None
    rate: Rate | None = None
    minimized: bool = False
    known: bool = False


@frozen
class Untried:
    """A failure in the corpus that was not tried, so that nothing is known about it, and why."""

    signature: Signature
    entry: Path | None
    reason: str


@frozen
class Summary:
    """What became of a campaign; `sites` are those that were reached.

    `reasons` counts why trials were not decided.
    `left` is a number of calls, and how many programs with so many an exhaustive search has not begun.
    `schedules` are the rounds in which threads took turns. Of the trials that were carried out `twice`,
    `astray` went another way the second time, the first of them at `parting`.
    """

    target: str
    seconds: float
    trials: int
    rounds: int = 0
    calls: int = 0
    found: Sequence[Found] = ()
    verdicts: Mapping[Verdict, int] = field(factory=dict)
    reasons: Mapping[str, int] = field(factory=dict)
    operations: Mapping[str, int] = field(factory=dict)
    sites: Sequence[Site] = ()
    notes: Sequence[str] = ()
    untried: Sequence[Untried] = ()
    schedules: int = 0
    twice: int = 0
    astray: int = 0
    parting: str = ""
    covered: Sequence[Covered] = ()
    left: tuple[int, int] | None = None


def summary_report(summary: Summary) -> Text:
    """Tell a campaign. Print it with `show`."""
    page = Page()
    page.line(_headline(summary), "bold red" if summary.found else "bold green")
    page.section("Failures", _failures(summary.found))
    page.section("Exercised", _exercised(summary))
    page.section("Schedules", _schedules(summary))
    page.section("Undecided", _undecided(summary.reasons))
    page.section("Notes", map(plain, (*summary.notes, *_untried(summary.untried))))
    page.section("Replay", (replay_command(f.entry) for f in summary.found if f.entry))
    return page.finish()


def _headline(summary: Summary) -> str:
    count = len(summary.found)
    target = plain(summary.target)
    if count:
        return f"{count} {'failure' if count == 1 else 'failures'} found in {target}"
    if not summary.trials:
        return f"{target} was not tested"
    return f"no failure found in {target}, on what was exercised"


def _failures(found: Sequence[Found]) -> list[str]:
    if not found:
        return []
    rows = [("trials", "rate", "failure", "entry")] + [
        (
            str(each.trials),
            str(each.rate or "-"),
            plain(str(each.signature)) + _remarks(each),
            plain(str(each.entry)) if each.entry else "not saved",
        )
        for each in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}"
        for row in rows
    ]


def _remarks(found: Found) -> str:
    said = [
        *(["not minimized"] if not found.minimized else []),
        *(["known before"] if found.known else []),
    ]
    return f" [{', '.join(said)}]" if said else ""


def _exercised(summary: Summary) -> Iterable[str]:
    seconds = max(summary.seconds, 1e-9)
    yield (
        f"{_many(summary.trials, 'trial')} in {duration(int(summary.seconds * 1e9))} "
        f"({summary.trials / seconds:.3g}/s), {_many(summary.rounds, 'round')}, "
        f"{_many(summary.calls, 'call')}"
    )
    if summary.verdicts:
        counts = (f"{summary.verdicts.get(verdict, 0)} {verdict.value}" for verdict in Verdict)
        yield ", ".join(count for count in counts if not count.startswith("0 "))
    yield f"{_many(len(summary.sites), 'site')} reached{_by_kind(summary.sites)}"
    if summary.operations:
        counts = (f"{plain(name)} {count}" for name, count in sorted(summary.operations.items()))
        yield f"operations: {', '.join(counts)}"


def _schedules(summary: Summary) -> Iterable[str]:
    if summary.schedules:
        yield f"threads took turns in {_many(summary.schedules, 'round')}"
    if summary.twice:
        yield double_check_line(summary.astray, summary.twice)
    if summary.parting:
        yield f"  the first of them: {plain(summary.parting)}"
    yield from coverage_lines(summary.covered)
    if summary.left is not None:
        yield left_line(*summary.left)


def _undecided(reasons: Mapping[str, int]) -> Iterable[str]:
    """The most frequent reasons, and how many trials had another."""
    ranked = sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))
    for reason, count in ranked[:MOST_REASONS]:
        yield f"{_many(count, 'trial')}: {plain(reason)}"
    rest = sum(count for _, count in ranked[MOST_REASONS:])
    if rest:
        yield f"{_many(rest, 'trial')} for other reasons"


def _untried(untried: Sequence[Untried]) -> Iterable[str]:
    """One line for each reason."""
    for reason, same in groupby(untried, lambda each: each.reason):
        first, *more = same
        rest = f" and {_many(len(more), 'other')}" if more else ""
        yield f"known failure was not tried: {first.signature} ({first.entry}){rest}: {reason}"


def _by_kind(sites: Sequence[Site]) -> str:
    kinds: dict[str, int] = {}
    for site in sites:
        kinds[site.kind.value] = kinds.get(site.kind.value, 0) + 1
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f" ({told})" if told else ""


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
