"""`stressor corpus list|show|merge|prune`: look after the files of failures."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from stressor.cli.boundary import say
from stressor.cli.choices import CORPUS, ENTRY, JSON
from stressor.cli.findings import finding_data, tell_finding
from stressor.cli.output import console, print_json
from stressor.corpus import Corpus, CorpusProblem, Entry, EntryError, Findings, load_kept
from stressor.corpus.entry import holds_finding
from stressor.corpus.store import OTHERS, Merged, Pruned
from stressor.errors import ExitCode
from stressor.model.finding import Finding
from stressor.model.trial import Trial
from stressor.report import failure_data, failure_report, show
from stressor.report.data import signature_data
from stressor.report.plain import plain

EXAMPLES = """\b
Examples:
  stressor corpus list
  stressor corpus show ENTRY
  stressor corpus merge ../colleague/.stressor/corpus report.json
  stressor corpus prune --keep 2

\b
A corpus is data: entries are never executed, and what is malformed, oversized, of an unknown version
or outside of the folder is refused by name and left alone.
"""


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  stressor corpus {line}" for line in lines)


@click.group(epilog=EXAMPLES)
def corpus() -> None:
    """List, show, merge and prune kept failures."""


@corpus.command("list", epilog=_examples("list", "list --corpus elsewhere --json"))
@CORPUS
@JSON
def list_command(root: Path, as_json: bool) -> None:
    """List the entries, one line each; the exemplar of each signature has a star."""
    problems: list[CorpusProblem] = []
    rows = list(_rows(Corpus(root), problems))
    models = list(_models(Findings(root), problems))
    if as_json:
        print_json(
            {
                "entries": [_row_data(*row) for row in rows],
                "models": [finding_data(entry.path, finding) for entry, finding in models],
                "problems": [{"path": str(each.path), "reason": each.reason} for each in problems],
            }
        )
        return
    if rows:
        console().print(_table(rows))
    if models:
        console().print(_model_table(models))
    if not rows and not models:
        click.echo(f"{root}: no entries")
    _tell_problems(problems)


@corpus.command("show", epilog=_examples("show ENTRY", "show ENTRY --json"))
@ENTRY
@JSON
def show_command(entry: Path, as_json: bool) -> None:
    """Print the report of ENTRY as it was kept; runs nothing."""
    kept = load_kept(entry)
    if isinstance(kept, Finding):
        if as_json:
            print_json(finding_data(entry, kept))
        else:
            tell_finding(kept, entry)
    elif as_json:
        print_json(failure_data(kept, entry))
    else:
        show(console(), failure_report(kept, entry))


@corpus.command(
    "merge",
    epilog=_examples("merge ../colleague/.stressor/corpus", "merge ENTRY --corpus elsewhere"),
)
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="CORPUS_OR_ENTRY...",
)
@CORPUS
@JSON
def merge_command(sources: tuple[Path, ...], root: Path, as_json: bool) -> int:
    """Take over the entries of other corpora, or single files, into the corpus."""
    merged = [each for source in sources for each in _merged(source, root)]
    added = [path for each in merged for path in each.added]
    known = [path for each in merged for path in each.known]
    problems = [problem for each in merged for problem in each.problems]
    nothing_but_problems = problems and not added and not known
    code = ExitCode.USAGE if nothing_but_problems else ExitCode.NOTHING_FOUND
    if as_json:
        print_json(
            {
                "added": [str(path) for path in added],
                "known": [str(path) for path in known],
                "problems": [{"path": str(each.path), "reason": each.reason} for each in problems],
            }
        )
        return code
    for path in added:
        click.echo(plain(str(path)))
    click.echo(f"{len(added)} added, {len(known)} known already, {len(problems)} refused")
    _tell_problems(problems)
    return code


@corpus.command("prune", epilog=_examples("prune", "prune --keep 2"))
@CORPUS
@click.option(
    "--keep",
    "others",
    type=click.IntRange(0),
    default=OTHERS,
    show_default=True,
    metavar="N",
    help="Entries of each signature that are kept beside its exemplar.",
)
@JSON
def prune_command(root: Path, others: int, as_json: bool) -> None:
    """Remove all but the cheapest entries of each signature, and left-over drafts."""
    targets, models = Corpus(root).prune(others), Findings(root).prune(others)
    pruned = Pruned(targets.removed + models.removed, targets.problems + models.problems)
    if as_json:
        print_json(
            {
                "removed": [str(path) for path in pruned.removed],
                "problems": [
                    {"path": str(each.path), "reason": each.reason} for each in pruned.problems
                ],
            }
        )
        return
    for path in pruned.removed:
        click.echo(plain(str(path)))
    click.echo(f"{len(pruned.removed)} removed")
    _tell_problems(pruned.problems)


def _tell_problems(problems: Iterable[CorpusProblem]) -> None:
    for problem in problems:
        say(f"refused: {plain(str(problem))}")


type Row = tuple[Entry, Trial, bool]


def _rows(store: Corpus, problems: list[CorpusProblem]) -> Iterator[Row]:
    """The entries of targets, and what cannot be read."""
    listing = store.listing()
    exemplars = set(store.exemplars())
    problems += listing.problems
    for entry in listing.entries:
        try:
            yield entry, store.load(entry), entry in exemplars
        except EntryError as error:
            problems.append(CorpusProblem(error.path, error.reason))


def _models(store: Findings, problems: list[CorpusProblem]) -> Iterator[tuple[Entry, Finding]]:
    """What models broke, and what cannot be read."""
    listing = store.listing()
    problems += listing.problems
    for entry in listing.entries:
        try:
            yield entry, store.load(entry)
        except EntryError as error:
            problems.append(CorpusProblem(error.path, error.reason))


def _merged(source: Path, root: Path) -> Iterator[Merged]:
    """Merge a corpus with both kinds of entries, or a file of one kind."""
    if source.is_dir() or not holds_finding(source):
        yield Corpus(root).merge(source)
    if source.is_dir() or holds_finding(source):
        yield Findings(root).merge(source)


def _row_data(entry: Entry, trial: Trial, exemplar: bool) -> dict[str, Any]:
    signature = trial.outcome.signature
    return {
        "entry": str(entry.path),
        "signature": signature_data(signature) if signature is not None else None,
        "target": trial.plan.target,
        "rate": str(trial.rate) if trial.rate is not None else None,
        "threads": trial.plan.threads,
        "calls": trial.plan.calls,
        "rules": len(trial.plan.rules),
        "minimized": trial.minimized,
        "exemplar": exemplar,
    }


def _table(rows: Iterable[tuple[Entry, Trial, bool]]) -> Table:
    table = Table(
        "", "rate", "threads", "calls", "delays", "failure", "entry", box=None, pad_edge=False
    )
    for entry, trial, exemplar in rows:
        table.add_row(
            "*" if exemplar else "",
            str(trial.rate or "-"),
            str(trial.plan.threads),
            str(trial.plan.calls),
            str(len(trial.plan.rules)),
            Text(plain(str(trial.outcome.signature))),
            Text(plain(str(entry.path)), overflow="fold"),
        )
    return table


def _model_table(rows: Iterable[tuple[Entry, Finding]]) -> Table:
    table = Table("model", "threads", "turns", "steps", "broken", "entry", box=None, pad_edge=False)
    for entry, finding in rows:
        run = finding.run
        threads, turns, steps = run.cost
        table.add_row(
            Text(plain(run.model + (f" with {run.defect}" if run.defect else ""))),
            str(threads),
            str(turns),
            str(steps),
            Text(plain(finding.broken.text)),
            Text(plain(str(entry.path)), overflow="fold"),
        )
    return table
