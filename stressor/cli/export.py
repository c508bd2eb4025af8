"""`stressor export ENTRY`: a kept failure as one file that stands alone, for a bug report.

Decides whether the harness goes into the file: when it can be taken apart and the file stays short.
Else the file names it where it is, and that is said.
"""

import os
from pathlib import Path

import click
from attrs import frozen

from stressor.cli.boundary import say
from stressor.cli.choices import ENTRY, JSON, session_for
from stressor.cli.output import print_json
from stressor.corpus import load_entry
from stressor.errors import UsageError
from stressor.model.trial import Trial
from stressor.report.excerpt import CannotExcerptError, excerpt
from stressor.report.plain import plain
from stressor.report.reproducer import (
    MOST_LINES,
    MOST_STANDALONE_LINES,
    Harness,
    Literals,
    literal,
    reproducer,
)
from stressor.targets import HarnessError
from stressor.targets.loading import Place, locate
from stressor.targets.suite import is_suite

EXAMPLES = """\b
Examples:
  stressor export .stressor/corpus/crash-in-mymodule-1f2e3d4c/0123456789abcdef.json
  stressor export ENTRY -o repro.py && python repro.py
  stressor export ENTRY -o - | less

\b
Exit codes: 0 the file is written, 2 not an entry, its target is gone or broken, or the file exists
already, 3 could not test.
"""

OUTPUT = "-"


@frozen
class Exported:
    """The text of the file, and what its reader should know: `notes` are whole sentences."""

    text: str
    standalone: bool
    notes: tuple[str, ...]


@click.command(epilog=EXAMPLES)
@ENTRY
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Where to write it, - for standard output. [default: a new file here, named by the failure]",
)
@JSON
def export(entry: Path, output: Path | None, as_json: bool) -> None:
    """Write the failure in ENTRY as one Python file that needs only stressor to run.

    It has the harness, what each thread calls with which arguments, and the order in which they must
    meet; run with Python it prints how often it failed, and the report. A harness that does not fit
    into one file (C sources, a package) stays where it is, and the file names it.
    """
    saved = load_entry(entry)
    signature = saved.outcome.signature
    if signature is None:
        raise UsageError(f"{entry}: the entry has no failure, so there is nothing to reproduce.")
    if is_suite(saved.plan.target):
        raise UsageError(
            f"{entry}: is of a test in a suite, which cannot be taken out of it. `stressor replay` runs"
            " it, and so does pytest --stressor --stressor-replay=only."
        )
    path = output or Path(f"{signature.slug()}.py")
    plan = saved.plan
    with session_for(1) as session:
        fitted = session.fitted(saved)
        if fitted.note:
            say(fitted.note)
        saved = fitted.trial
        literals = session.hosts[0].host_of(plan).literals(plan)
    exported = exported_from(saved, literals, path.parent)
    if str(path) == OUTPUT:
        click.echo(exported.text, nl=False)
    else:
        _write(path, exported.text)
    if as_json and str(path) != OUTPUT:
        print_json(
            {
                "file": str(path),
                "lines": exported.text.count("\n"),
                "standalone": exported.standalone,
                "notes": list(exported.notes),
            }
        )
        return
    if str(path) != OUTPUT:
        click.echo(plain(str(path)))
    for note in exported.notes:
        say(note)


def exported_from(saved: Trial, literals: Literals, folder: Path) -> Exported:
    """Make the file that is to lie in `folder`. Raises `UsageError`."""
    place = _place(saved.plan.target)
    referred, why = _text(saved, _referred(place, folder), literals), ""
    text = referred
    try:
        own = _text(saved, _own(saved, place), literals)
        too_long = _lines(own) > MOST_STANDALONE_LINES
        why = f"with it the file would have {_lines(own)} lines" if too_long else ""
        text = referred if too_long else own
    except CannotExcerptError as error:
        why = str(error)
    notes = []
    if why:
        notes.append(f"the harness stays where it is and the file names it: {why}.")
    if _lines(text) > MOST_LINES:
        shorter = "" if saved.minimized else "; `stressor minimize` makes it shorter"
        notes.append(f"the file has {_lines(text)} lines{shorter}.")
    elif not saved.minimized:
        notes.append("the failure is not minimized yet; `stressor minimize` makes it simpler.")
    return Exported(text, not why, tuple(notes))


def _place(target: str) -> Place:
    try:
        return locate(target)
    except HarnessError as error:
        raise UsageError(str(error)) from None


def _own(saved: Trial, place: Place) -> Harness:
    """The harness as lines of the file. Raises `CannotExcerptError`."""
    if place.file is None:
        raise CannotExcerptError(f"it is the module {place.module}")
    try:
        source = place.file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotExcerptError(f"it cannot be read: {error}") from None
    called = {call.op for calls in saved.plan.program for call in calls}
    beside = {each.name.partition(".")[0] for each in place.file.parent.iterdir()}
    lines = excerpt(source, called, place.kind, beside - {place.file.stem})
    target = f'f"{{__file__}}:{place.kind}"' if place.kind else "__file__"
    return Harness(target, tuple(lines), place.file.name)


def _referred(place: Place, folder: Path) -> Harness:
    """The harness by its name: a module's, or its path from the folder where the file will lie."""
    kind = f":{place.kind}" if place.kind else ""
    if place.file is None:
        return Harness(literal(place.module + kind))
    file = place.file.parent if place.file.name == "target.py" else place.file
    there = literal(os.path.relpath(file, folder.resolve()))
    target = f"str(Path(__file__).resolve().parent / {there})"
    return Harness(f"{target} + {literal(kind)}" if kind else target)


def _text(saved: Trial, harness: Harness, literals: Literals) -> str:
    try:
        return reproducer(saved, harness, literals)
    except ValueError as error:
        raise UsageError(f"this failure cannot be written as a file: {error}.") from None


def _lines(text: str) -> int:
    return text.count("\n")


def _write(path: Path, text: str) -> None:
    """Write a new file; one that exists is somebody's."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already; name another file with --output.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}.") from None
