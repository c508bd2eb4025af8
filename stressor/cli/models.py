"""`stressor models`: the reference implementations of mechanisms, listed, run, explained, scored.

There is no target and no child here: models are carried out in this process (`campaign.models`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any

import click
from attrs import frozen
from rich.table import Table
from rich.text import Text

from stressor.campaign.models.carryout import (
    RUNS,
    CarriedOut,
    Drawing,
    Model,
    Searching,
    carry_out,
)
from stressor.campaign.models.reference import Reference, referred
from stressor.campaign.models.schedulers import USUAL, strategy_named
from stressor.cli.boundary import say
from stressor.cli.choices import CORPUS, JSON
from stressor.cli.findings import tell_finding
from stressor.cli.output import console, error_console, print_json
from stressor.cli.score import score
from stressor.corpus import CorpusWriteError, Findings
from stressor.errors import ExitCode, UsageError
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.exhaustive import MOST_STATES
from stressor.mechanisms.registry import MECHANISMS, maker
from stressor.mechanisms.replay import seen_steps
from stressor.mechanisms.story import explained, story
from stressor.model.codec import to_data

EXAMPLES = """\b
Examples:
  stressor models list
  stressor models explain lk-pymutex
  stressor models run
  stressor models run rc-brc --defect ignores-shared
  stressor models run lk-pymutex --exhaustive --size threads=4
  stressor models run tests/cache_model.py:Cache --exhaustive
  stressor models score -j 2 --resume score.json --out docs/mutation-score.md
"""

NAMES = click.argument("names", nargs=-1, metavar="[NAME]...")


@click.group(epilog=EXAMPLES)
def models() -> None:
    """Reference implementations of the mechanisms that make Python run without a global lock.

    A NAME is one that `stressor models list` lists, or a mechanism of your own: module:Class, or
    path.py:Class.
    """


models.add_command(score)


@models.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """List the mechanisms with their status and defects."""
    if as_json:
        print_json([_listed(each) for each in MECHANISMS])
        return
    rows = Table("name", "status", "title", "defects", box=None, pad_edge=False)
    for each in MECHANISMS:
        defects = Text(", ".join(each.defects))
        rows.add_row(each.name, each.status.value, Text(each.title), defects)
    console().print(rows)


@models.command("explain")
@click.argument("name")
def explain_command(name: str) -> None:
    """Tell what a mechanism does, its steps, invariants, defects and sources."""
    mechanism = referred(name).kind
    console().print(explained(mechanism, seen_steps(maker(mechanism))))


@models.command("run")
@NAMES
@click.option("--defect", default="", metavar="NAME", help="Switch on one defect.")
@click.option(
    "--strategy",
    default=USUAL,
    show_default=True,
    metavar="NAME",
    help="Who chooses the next thread.",
)
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=RUNS,
    show_default=True,
    metavar="N",
    help="Schedules of each mechanism.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    metavar="N",
    help="Default: drawn, and told.",
)
@click.option("--exhaustive", is_flag=True, help="Go through all states instead of drawing runs.")
@click.option(
    "--states",
    type=click.IntRange(1),
    default=MOST_STATES,
    show_default=True,
    metavar="N",
    help="Give up after so many.",
)
@click.option("--size", "sizes", multiple=True, metavar="NAME=N", help="Change a model's size.")
@CORPUS
@click.option("--no-keep", is_flag=True, help="Keep nothing in the corpus.")
@JSON
def run_command(  # noqa: PLR0913, PLR0917 - click hands over each option
    names: tuple[str, ...],
    defect: str,
    strategy: str,
    runs: int,
    seed: int | None,
    exhaustive: bool,
    states: int,
    sizes: tuple[str, ...],
    root: Path,
    no_keep: bool,
    as_json: bool,
) -> int:
    """Schedule the mechanisms (all, unless named); exit code 1 when an invariant breaks.

    What breaks is minimized and kept in the corpus: `stressor replay` runs it again.
    """
    if (defect or sizes) and not names:
        raise UsageError("--defect and --size belong to a mechanism: name it.")
    chosen = [referred(name) for name in names] or [Reference(each) for each in MECHANISMS]
    given = dict(map(_size, sizes))
    seed = SystemRandom().getrandbits(32) if seed is None else seed
    way = Searching(states) if exhaustive else Drawing(strategy_named(strategy), runs, seed)
    results = []
    for reference in chosen:
        with _status() as told:
            done = carry_out(Model(reference, defect, given), way, told)
        results.append(_Result(done, None if no_keep else _kept(done, Findings(root))))
        if not as_json:
            _print(results[-1])
    if as_json:
        print_json([each.data for each in results])
    if any(each.done.finding for each in results):
        return ExitCode.FAILURES_FOUND
    decided = all(each.done.complete for each in results)
    return ExitCode.NOTHING_FOUND if decided else ExitCode.NOT_TESTED


@frozen
class _Result:
    done: CarriedOut
    entry: Path | None

    @property
    def data(self) -> dict[str, Any]:
        finding = self.done.finding
        return {
            "mechanism": self.done.model.reference.kind.name,
            "defect": self.done.model.defect,
            "explored": self.done.did,
            "finding": to_data(finding) if finding else None,
            "story": story(finding) if finding else "",
            "entry": str(self.entry) if self.entry else None,
        }


def _listed(mechanism: type[Mechanism]) -> dict[str, Any]:
    return {
        "name": mechanism.name,
        "status": mechanism.status.value,
        "title": mechanism.title,
        "defects": mechanism.defects,
        "sizes": mechanism.sizes,
    }


def _kept(done: CarriedOut, findings: Findings) -> Path | None:
    if done.finding is None:
        return None
    try:
        return findings.keep(done.finding)
    except CorpusWriteError as why:
        say(why.message)
        return None


def _print(result: _Result) -> None:
    model, finding = result.done.model, result.done.finding
    name = model.reference.kind.name + (f" with {model.defect}" if model.defect else "")
    held = "NOT FOUND" if result.done.model.defect else "held"
    outcome = "BROKEN" if finding else held if result.done.complete else "not decided"
    console().print(f"{name}: {outcome}; {result.done.did}")
    if finding is not None:
        console().print()
        tell_finding(finding, result.entry)
        console().print()


def _size(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isascii() or not number.isdecimal():
        raise UsageError(f"--size takes NAME=N, as in threads=3, not {text!r}.")
    return name, int(number)


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """A line that says how far it is, on a terminal only."""
    err = error_console()
    if not err.is_terminal:
        yield lambda text: None
        return
    with err.status("") as status:
        yield lambda text: status.update(Text(text))
