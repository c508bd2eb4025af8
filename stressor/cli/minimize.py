"""`stressor minimize ENTRY`: make a kept failure cheaper."""

from pathlib import Path

import click
from attrs import evolve
from rich.text import Text

from stressor.campaign.interrupt import stop_on_interrupt
from stressor.campaign.locate import located
from stressor.cli.boundary import say
from stressor.cli.choices import ENTRY, JSON, FiniteRange, session_for
from stressor.cli.output import console, error_console, loading, print_json
from stressor.corpus import Corpus, CorpusWriteError, load_entry
from stressor.errors import ExitCode
from stressor.minimize import Effort, Search
from stressor.minimize import minimize as shrink
from stressor.model.trial import Trial
from stressor.report import failure_data, failure_report, show
from stressor.report.replay import minimize_command
from stressor.report.words import size_words

_BASE = Effort()

MORE = 4
"""Times the effort that was not enough."""

EXAMPLES = """\b
Examples:
  stressor minimize .stressor/corpus/crash-in-mymodule-1f2e3d4c/0123456789abcdef.json
  stressor minimize ENTRY --time 600 --runs 2000
  stressor minimize ENTRY --corpus elsewhere

\b
Ctrl-C ends it early with the best so far.
Exit codes: 1 it failed again and the result is kept, 0 it did not fail again, 2 not an entry, or its
target is gone or broken, 3 could not test.
"""


@click.command(epilog=EXAMPLES)
@ENTRY
@click.option(
    "--time",
    "seconds",
    type=FiniteRange(min=0.0, min_open=True),
    default=_BASE.seconds,
    show_default=True,
    metavar="S",
    help="Most seconds; measuring the rate of the result comes on top.",
)
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=_BASE.executions,
    show_default=True,
    metavar="N",
    help="Most trials.",
)
@click.option(
    "--corpus",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to keep the result. [default: the corpus that ENTRY is in]",
)
@JSON
def minimize(entry: Path, seconds: float, runs: int, root: Path | None, as_json: bool) -> int:
    """Look for a simpler plan that fails in the same way, and keep it beside ENTRY.

    Fewer threads, fewer calls, simpler arguments, fewer switches or delays, in that order; what is left
    of them becomes ordering constraints where the failure is not rarer for it.
    """
    saved = load_entry(entry)
    with session_for(1) as session:
        stopped: list[bool] = []
        with (
            loading(saved.plan.target) as status,
            stop_on_interrupt(lambda: stopped.append(True)),
        ):
            fitted = session.fitted(saved)
            if fitted.note:
                say(fitted.note)
            saved = fitted.trial

            def tell(search: Search) -> None:
                status.update(f"{search.doing} (run {search.meter.executions} of {runs})")

            small = shrink(
                saved, session.carry_out, Effort(seconds, runs), tell, lambda: bool(stopped)
            )
        small = evolve(located(small), origin=session.origin(small.plan))
    again = small.rate is not None and small.rate.hits > 0
    path = _kept(small, Corpus(root or entry.parent.parent)) if again else entry
    if as_json:
        print_json(failure_data(small, path) | {"before": size_words(saved.plan)})
    else:
        show(console(), failure_report(small, path))
        if again:
            _tell_gain(saved, small, path or entry, Effort(seconds, runs))
    if not again:
        error_console().print(Text("stressor: it did not fail again, so nothing was changed"))
    return ExitCode.FAILURES_FOUND if again else ExitCode.NOTHING_FOUND


def _tell_gain(saved: Trial, small: Trial, path: Path, effort: Effort) -> None:
    """Before and after, and how to go on when the effort was not enough."""
    console().print(Text(f"\nbefore: {size_words(saved.plan)}\nafter:  {size_words(small.plan)}"))
    if small.cut_short:
        more = f"--time {MORE * effort.seconds:g} --runs {MORE * effort.executions}"
        console().print(Text(f"It was minimized {small.cut_short}. To go on from there:"))
        console().print(Text(f"{minimize_command(path)} {more}", "bold"))


def _kept(small: Trial, corpus: Corpus) -> Path | None:
    try:
        return corpus.keep(small)
    except CorpusWriteError as why:
        say(why.message)
        return None
