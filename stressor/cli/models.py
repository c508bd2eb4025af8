"""`stressor models`: the reference implementations of mechanisms, listed, run, explained, scored.

The only command that loads the native shim in its own process, for its schedulers alone: there is no
target and no child here, and nothing is instrumented. Without the shim a plain random walk is left.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from stressor.cli.boundary import say
from stressor.cli.choices import JSON
from stressor.cli.output import console, error_console, print_json
from stressor.errors import ExitCode, UsageError
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import PLAIN_WALK, Strategy
from stressor.mechanisms.exhaustive import MOST_STATES, Exhausted, exhaust
from stressor.mechanisms.exploring import Explored, explore
from stressor.mechanisms.finding import Finding, to_json
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.registry import MECHANISMS, maker, named, unknown
from stressor.mechanisms.replay import seen_steps
from stressor.mechanisms.score import ENOUGH, MOST_RUNS, SEEDS, score, share, table
from stressor.mechanisms.shrink import shrink
from stressor.mechanisms.story import explained, story

EXAMPLES = """\b
Examples:
  stressor models list
  stressor models explain lk-pymutex
  stressor models run
  stressor models run rc-brc --defect ignores-shared
  stressor models run lk-pymutex --exhaustive --size threads=4
  stressor models score --out docs/mutation-score.md
"""

NAMES = click.argument("names", nargs=-1, metavar="[NAME]...")


@click.group(epilog=EXAMPLES)
def models() -> None:
    """Reference implementations of the mechanisms that make Python run without a global lock."""


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
    mechanism = named(name)
    console().print(explained(mechanism, seen_steps(maker(mechanism))))


@models.command("run")
@NAMES
@click.option("--defect", default="", metavar="NAME", help="Switch on one defect.")
@click.option("--strategy", default="walk", show_default=True, help="Who chooses the next thread.")
@click.option("--runs", type=click.IntRange(1), default=10_000, show_default=True, metavar="N")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Default: drawn, and told.")
@click.option("--exhaustive", is_flag=True, help="Go through all states instead of drawing runs.")
@click.option(
    "--states", type=click.IntRange(1), default=MOST_STATES, help="Give up after so many."
)
@click.option("--size", "sizes", multiple=True, metavar="NAME=N", help="Change a model's size.")
@JSON
@click.pass_context
def run_command(  # noqa: PLR0913, PLR0917 - click hands over each option
    ctx: click.Context,
    names: tuple[str, ...],
    defect: str,
    strategy: str,
    runs: int,
    seed: int | None,
    exhaustive: bool,
    states: int,
    sizes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Schedule the mechanisms (all, unless named); exit code 1 when an invariant breaks."""
    if (defect or sizes) and not names:
        raise UsageError("--defect and --size belong to a mechanism: name it.")
    chosen = [named(name) for name in names] or list(MECHANISMS)
    given = dict(map(_size, sizes))
    seed = SystemRandom().getrandbits(32) if seed is None else seed
    chooser = None if exhaustive else _strategy(strategy)
    results = []
    for mechanism in chosen:
        if chooser is None:
            done = _exhausted(mechanism, defect, given, states)
        else:
            done = _explored(mechanism, defect, given, chooser, runs, seed)
        results.append(done)
        if not as_json:
            _print(done)
    if as_json:
        print_json(results)
    if any(each["finding"] for each in results):
        ctx.exit(ExitCode.FAILURES_FOUND)


@models.command("score")
@NAMES
@click.option("--strategy", "strategies", multiple=True, help="Default: all native ones.")
@click.option("--seeds", type=click.IntRange(1), default=SEEDS, show_default=True, metavar="N")
@click.option("--runs", type=click.IntRange(1), default=MOST_RUNS, show_default=True, metavar="N")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here."
)
@click.pass_context
def score_command(
    ctx: click.Context,
    names: tuple[str, ...],
    strategies: tuple[str, ...],
    seeds: int,
    runs: int,
    out: Path | None,
) -> None:
    """Count schedules until each strategy finds each defect; exit code 1 under 95 % found."""
    chosen = [named(name) for name in names] or list(MECHANISMS)
    using = [_strategy(each) for each in strategies] or list(_native() or (PLAIN_WALK,))
    with _status() as told:
        scored = list(score(chosen, using, seeds, runs, lambda m, d: told(f"{m}, {d}")))
    text = table(scored)
    console().print(text)
    found = share(scored)
    console().print(
        f"\n{found:.1%} of {len(scored)} found (median of {seeds} seeds, {runs:,} runs)"
    )
    if out is not None:
        out.write_text(
            f"{SCORE_HEADING.format(seeds=seeds, runs=runs)}\n{text}\n", encoding="utf-8"
        )
    if found < ENOUGH:
        ctx.exit(ExitCode.FAILURES_FOUND)


SCORE_HEADING = """# Mutation score

Schedules until a defect was found: median of {seeds} seeds, up to {runs:,} each; in brackets how many
seeds found it, where that is not more than half. Written by `stressor models score --out FILE`.
"""


def _listed(mechanism: type[Mechanism]) -> dict[str, Any]:
    return {
        "name": mechanism.name,
        "status": mechanism.status.value,
        "title": mechanism.title,
        "defects": mechanism.defects,
        "sizes": mechanism.sizes,
    }


def _explored(
    mechanism: type[Mechanism],
    defect: str,
    sizes: dict[str, int],
    strategy: Strategy,
    runs: int,
    seed: int,
) -> dict[str, Any]:
    makes = maker(mechanism, defect, sizes)

    def so_far(explored: Explored) -> None:
        told(f"{mechanism.name}: {explored.runs:,} runs, {explored.steps:,} steps")

    with _status() as told:
        explored = explore(makes, strategy, runs, seed, so_far)
    does = f"{explored.runs:,} runs, {explored.steps:,} steps, {strategy.name}, seed {seed}"
    return _result(mechanism, defect, does, explored.finding)


def _exhausted(
    mechanism: type[Mechanism], defect: str, sizes: dict[str, int], states: int
) -> dict[str, Any]:
    makes = maker(mechanism, defect, sizes)

    def so_far(exhausted: Exhausted) -> None:
        told(f"{mechanism.name}: {exhausted.states:,} states")

    with _status() as told:
        found = exhaust(makes, states, so_far)
    does = "exhausted" if found.complete else "not exhausted"
    return _result(mechanism, defect, f"{does}, {found.states:,} states", found.finding)


def _result(
    mechanism: type[Mechanism], defect: str, does: str, finding: Finding | None
) -> dict[str, Any]:
    """What is printed as JSON, or as text by `_print`; a finding is minimized."""
    if finding is not None:
        finding = shrink(finding, lambda sizes: maker(mechanism, defect, sizes))
    return {
        "mechanism": mechanism.name,
        "defect": defect,
        "explored": does,
        "finding": to_json(finding)["finding"] if finding else None,
        "story": story(finding) if finding else "",
    }


def _print(result: dict[str, Any]) -> None:
    name = result["mechanism"] + (f" with {result['defect']}" if result["defect"] else "")
    console().print(f"{name}: {'BROKEN' if result['finding'] else 'held'}; {result['explored']}")
    if result["story"]:
        console().print(f"\n{result['story']}\n")


def _size(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isascii() or not number.isdecimal():
        raise UsageError(f"--size takes NAME=N, as in threads=3, not {text!r}.")
    return name, int(number)


def _native() -> tuple[Strategy, ...]:
    """The native schedulers; none when the shim cannot be loaded, which is said."""
    try:
        binding = importlib.import_module("stressor.runtime.binding")
    except ImportError as error:
        say(f"no native schedulers, only {PLAIN_WALK.name}: {error}")
        return ()
    return native_strategies(binding.schedulers(), binding.Scheduler)


def _strategy(name: str) -> Strategy:
    if name == PLAIN_WALK.name:
        return PLAIN_WALK
    known = {each.name: each for each in (*_native(), PLAIN_WALK)}
    if name not in known:
        raise UsageError(unknown("strategy", name, tuple(known)))
    return known[name]


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """A line that says how far it is, on a terminal only."""
    err = error_console()
    if not err.is_terminal:
        yield lambda text: None
        return
    with err.status("") as status:
        yield lambda text: status.update(Text(text))
