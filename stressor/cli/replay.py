"""`stressor replay ENTRY`: run a kept failure again, as it was recorded."""

from pathlib import Path

import click
from rich.text import Text

from stressor.campaign.locate import located
from stressor.campaign.session import Replayed
from stressor.cli.choices import ENTRY, JSON, session_for
from stressor.cli.output import console, error_console, print_json
from stressor.corpus import load_entry
from stressor.errors import ExitCode
from stressor.minimize.confirm import RUNS
from stressor.model.trial import Trial
from stressor.report import failure_report, show
from stressor.report.data import signature_data
from stressor.report.plain import plain

EXAMPLES = """\b
Examples:
  stressor replay .stressor/corpus/crash-in-mymodule-1f2e3d4c/0123456789abcdef.json
  stressor replay ENTRY -n 100
  stressor replay ENTRY --json

\b
Exit codes: 1 it failed again at least once, 0 it did not in any run, 2 not an entry, or its target
is gone or broken, 3 could not test. When it does not fail, the canary is caught before 0 is said.
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

    Counted is the same failure. A crash counts wherever it happens, because damaged memory crashes
    whoever uses it next; how often it was elsewhere is said.
    """
    saved = load_entry(entry)
    with session_for(1) as session:
        with error_console().status("") as status:
            replayed = session.replay(
                saved, runs, lambda done, hits: status.update(f"{hits}/{done} of {runs} runs")
            )
        if replayed.rate.hits == 0:
            session.catch_canary()
    if as_json:
        print_json(_data(entry, replayed))
    else:
        _show(saved, entry, replayed)
    return ExitCode.FAILURES_FOUND if replayed.rate.hits else ExitCode.NOTHING_FOUND


def _show(saved: Trial, entry: Path, replayed: Replayed) -> None:
    out = console()
    if replayed.rate.hits:
        show(out, failure_report(located(replayed.last), entry))
        out.print()
    out.print(Text(f"{replayed.rate} failed again: {plain(str(saved.outcome.signature))}"))
    for signature, count in replayed.others.most_common():
        out.print(Text(f"  {count} of them or besides as: {plain(str(signature))}"))
    if saved.rate is not None:
        out.print(Text(f"  kept with a rate of {saved.rate}"))
    said = {verdict.value: count for verdict, count in replayed.verdicts.items()}
    out.print(Text("  " + ", ".join(f"{count} {verdict}" for verdict, count in said.items())))


def _data(entry: Path, replayed: Replayed) -> dict[str, object]:
    return {
        "entry": str(entry),
        "rate": str(replayed.rate),
        "hits": replayed.rate.hits,
        "runs": replayed.rate.runs,
        "others": [
            {"signature": signature_data(signature), "runs": count}
            for signature, count in replayed.others.most_common()
        ],
        "verdicts": {verdict.value: count for verdict, count in replayed.verdicts.items()},
    }
