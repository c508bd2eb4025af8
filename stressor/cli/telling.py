"""From a campaign's report to the summary that people and machines read."""

from collections.abc import Iterator, Sequence

from attrs import evolve

from stressor.campaign.exhaustive import Explored
from stressor.campaign.report import INTERRUPTED, Report
from stressor.errors import ExitCode
from stressor.model.site import Kind
from stressor.report import Covered, Found, Summary, Untried

WORST_FIRST = (
    ExitCode.INTERNAL,
    ExitCode.FAILURES_FOUND,
    ExitCode.USAGE,
    ExitCode.NOT_TESTED,
    INTERRUPTED,
    ExitCode.NOTHING_FOUND,
)


def worst(codes: Sequence[int]) -> int:
    """The exit code of several campaigns: a failure must not hide behind one that did not start."""
    return min(codes, key=WORST_FIRST.index)


def summary_of(report: Report) -> Summary:
    """The numbers and failures of one campaign."""
    status, tally = report.status, report.status.tally
    return Summary(
        target=status.target,
        seconds=status.seconds,
        trials=tally.trials,
        rounds=tally.rounds,
        calls=tally.calls,
        found=[
            Found(
                finding.signature,
                tally.failures[finding.signature],
                finding.path,
                finding.trial.rate,
                finding.trial.minimized,
                finding.known,
            )
            for finding in report.findings
        ],
        verdicts=tally.verdicts,
        reasons=tally.reasons,
        operations=tally.operations,
        sites=report.sites,
        schedules=tally.schedules,
        twice=tally.twice,
        astray=tally.astray,
        parting=tally.parting,
        covered=tuple(map(_covered, report.explored)),
        left=(report.left.calls, report.left.programs) if report.left is not None else None,
        notes=tuple(_notes(report)),
        untried=tuple(
            Untried(each.entry.signature, each.entry.path, each.reason) for each in report.untried
        ),
    )


def _covered(explored: Explored) -> Covered:
    return Covered(
        [[call.op for call in calls] for calls in explored.program],
        str(explored.asked.bound),
        explored.asked.sleeps,
        explored.schedules,
        explored.exhausted,
        "; ".join(explored.reasons) or _finished(explored),
        explored.shown,
    )


def _finished(explored: Explored) -> str:
    """What a search that was cut short has tried to its end, if anything."""
    if explored.exhausted or explored.finished < 0:
        return ""
    smaller = evolve(explored.asked.bound, most=explored.finished)
    return f"it was not finished, but all with {smaller} were"


def _notes(report: Report) -> Iterator[str]:
    yield f"seed {report.settings.seed}: the same seed makes the same plans, given the same sites"
    if report.interrupted:
        yield "interrupted: less was tried than was asked for"
    for fault in report.faults:
        yield f"ended early: {str(fault).strip().splitlines()[-1] if str(fault) else repr(fault)}"
    for entry in report.forgotten:
        yield f"known failure did not happen again: {entry.signature} ({entry.path})"
    if report.status.tally.trials and not any(site.kind is Kind.CALL for site in report.sites):
        yield (
            "no C-API call of an extension module was reached: threads were paused only at operations, "
            "at object destruction and allocation, and where the interpreter blocks "
            "(see `stressor sites MODULE`, and --modules)"
        )
    if report.status.tally.trials and not report.exercised:
        yield "no trial came to its end, so this says nothing about the target"
