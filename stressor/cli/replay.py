"""`stressor replay ENTRY`: run a kept failure again, as it was recorded."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from attrs import evolve
from rich.text import Text

from stressor.campaign.locate import located
from stressor.campaign.missing import named_sites
from stressor.campaign.session import Replayed, Session, unmatched
from stressor.cli.boundary import say
from stressor.cli.choices import ENTRY, JSON, session_for
from stressor.cli.findings import replay_finding
from stressor.cli.output import console, loading, print_json
from stressor.corpus import load_kept
from stressor.errors import ExitCode
from stressor.minimize.confirm import RUNS
from stressor.model.finding import Finding
from stressor.model.outcome import Signature
from stressor.model.plan import Plan
from stressor.model.site import Kind
from stressor.model.trial import Trial
from stressor.report import failure_report, show
from stressor.report.data import signature_data
from stressor.report.plain import plain

EXAMPLES = """\b
Examples:
  stressor replay .stressor/corpus/crash-in-mymodule-1f2e3d4c/0123456789abcdef.json
  stressor replay .stressor/corpus/crash-in-mymodule-1f2e3d4c    its simplest entry
  stressor replay ENTRY -n 100
  stressor replay ENTRY --json

\b
Exit codes: 1 it failed again at least once, 0 it did not in any run, 2 not an entry, or its target
is gone or broken, 3 could not test, as when places that its plan names are not in the installed
build. When it does not fail, the canary is caught before 0 is said, and a place that its plan names
must have been reached.
"""


@click.command(epilog=EXAMPLES)
@ENTRY
@click.option(
    "-n",
    "--runs",
    type=click.IntRange(1),
    default=RUNS,
    show_default=True,
    metavar="N",
    help="How often to run it.",
)
@JSON
def replay(entry: Path, runs: int, as_json: bool) -> int:
    """Run the failure in ENTRY again and print how often it failed, as 19/20.

    What a model broke is run once: it is a function of its schedule. It is broken again, fixed (the same
    steps break nothing), or has diverged (the model has other steps now).

    Counted is the same failure. A crash counts wherever it happens, because damaged memory crashes
    whoever uses it next; how often it was elsewhere is said.
    """
    saved = load_kept(entry)
    if isinstance(saved, Finding):
        return replay_finding(entry, saved, as_json)
    with session_for(1) as session:
        replayed, doubts = run_again(session, saved, runs)
    if as_json:
        print_json(_data(entry, replayed) | {"doubts": doubts})
    else:
        if replayed.rate.hits:
            show(console(), failure_report(located(replayed.last), entry))
        tell_counts(saved, replayed, doubts)
    return exit_code(replayed, doubts)


def run_again(session: Session, saved: Trial, runs: int) -> tuple[Replayed, list[str]]:
    """Run a failure again; what came of it, and the reasons for which it may say nothing.

    Raises `NotTestedError` before the first run when places that its plan names do not exist.
    """
    with loading(saved.plan.target) as status:
        fitted = session.fitted(saved)
        if fitted.note:
            say(fitted.note)
        saved = fitted.trial
        for line in _changes(session.changed_calls(saved)):
            say(line)
        replayed = session.replay(
            saved, runs, lambda done, hits: status.update(f"{hits}/{done} of {runs} runs")
        )
        replayed = evolve(replayed, moves=fitted.moves)
    if replayed.rate.hits:
        return replayed, []
    session.catch_canary()
    plan = saved.plan
    globs = unmatched(plan.modules, session.hello(plan.target, plan.modules, plan.runtime))
    return replayed, list(_doubts(replayed, plan, globs))


def _changes(calls: Sequence[tuple[str, str]]) -> Iterator[str]:
    """One line when the harness makes other calls of the plan than it did."""
    if calls:
        then, now = map(plain, calls[0])
        more = f" and {len(calls) - 1} more" if len(calls) > 1 else ""
        yield (
            f"the harness has changed: {then} was recorded, {now} is what is called now{more}; this "
            "may be another failure, or none"
        )


def exit_code(replayed: Replayed, doubts: list[str]) -> ExitCode:
    """The code for what `run_again` returned."""
    if replayed.rate.hits:
        return ExitCode.FAILURES_FOUND
    return ExitCode.NOT_TESTED if doubts else ExitCode.NOTHING_FOUND


def _doubts(replayed: Replayed, plan: Plan, globs: tuple[str, ...]) -> Iterator[str]:
    """Why a plan that did not fail again may not have had the chance to."""
    if not replayed.is_decided:
        why = "; ".join(plain(reason) for reason, _ in replayed.reasons.most_common(3))
        yield f"no run came to its end as planned: {why or 'no reason is known'}"
    calls = [site for site in named_sites(plan) if site.startswith(f"{Kind.CALL.value}:")]
    if calls and set(calls) <= set(replayed.unreached):
        yield "none of the places in the extension that its plan names was reached"
    for glob in globs:
        yield f"no module that the target has loaded matches {plain(glob)}"


def tell_counts(saved: Trial, replayed: Replayed, doubts: list[str]) -> None:
    """Print how often it failed again, as what, and what makes that doubtful."""
    out = console()
    if replayed.rate.hits:
        out.print()
    out.print(Text(f"{replayed.rate} failed again: {plain(str(saved.outcome.signature))}"))
    for signature, count in replayed.akin.most_common():
        out.print(Text(f"  of them {count} as {plain(str(signature))}"))
    for signature, count in replayed.others.most_common():
        out.print(Text(f"  besides {count} as {plain(str(signature))}"))
    if replayed.unreached:
        sites = ", ".join(map(plain, replayed.unreached))
        out.print(Text(f"  these sites of the plan were not reached: {sites}"))
        out.print(Text("  was the module rebuilt, or is it another version?"))
    if saved.rate is not None:
        out.print(Text(f"  kept with a rate of {saved.rate}"))
    said = {verdict.value: count for verdict, count in replayed.verdicts.items()}
    out.print(Text("  " + ", ".join(f"{count} {verdict}" for verdict, count in said.items())))
    for doubt in doubts:
        say(f"this says nothing about the failure: {doubt}")


def _data(entry: Path, replayed: Replayed) -> dict[str, object]:
    return {
        "entry": str(entry),
        "rate": str(replayed.rate),
        "hits": replayed.rate.hits,
        "runs": replayed.rate.runs,
        "akin": _counts(replayed.akin),
        "others": _counts(replayed.others),
        "unreached": list(replayed.unreached),
        "verdicts": {verdict.value: count for verdict, count in replayed.verdicts.items()},
        "moved": [{"from": move.key, "to": move.new_key} for move in replayed.moves],
    }


def _counts(signatures: Counter[Signature]) -> list[dict[str, object]]:
    return [
        {"signature": signature_data(signature), "runs": count}
        for signature, count in signatures.most_common()
    ]
