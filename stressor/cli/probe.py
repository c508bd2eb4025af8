"""`stressor models probe`: hold the interpreter's own mechanisms against their reference."""

import random
from pathlib import Path
from typing import Any

import click

from stressor.campaign.report import Report
from stressor.campaign.settings import Settings
from stressor.cli.choices import CORPUS, JSON, FiniteRange, session_for
from stressor.cli.fuzz import Wishes, campaign_on
from stressor.cli.output import console, print_json
from stressor.cli.shares import Share
from stressor.cli.telling import worst
from stressor.cli.watch import Reports
from stressor.corpus import Corpus
from stressor.errors import UsageError
from stressor.minimize.followup import GRACE_SECONDS
from stressor.probes.registry import MODULES, PROBES, Listed, probe
from stressor.report.words import many

EXAMPLES = """\b
Examples:
  stressor models probe                              every mechanism that has a probe
  stressor models probe lk-pymutex --time 60
  stressor models probe lk-pymutex --twin WithoutCas      can the monitor see?

\b
Exit codes: 0 the interpreter agrees with every reference, 1 a disagreement was found, 3 nothing
could be compared.
"""

CALLS, ROUNDS = 4, 60
"""Of a plan, at most: the monitor's work grows fast with a round's notes, and forks cost little."""


@click.command("probe", epilog=EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--twin", default="", metavar="NAME", help="Drive a deliberately broken twin instead."
)
@click.option(
    "--time",
    "seconds",
    type=FiniteRange(min=0.0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Seconds for each mechanism.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="[default: random, and printed]")
@CORPUS
@JSON
def probe_command(
    names: tuple[str, ...],
    twin: str,
    seconds: float,
    seed: int | None,
    root: Path,
    as_json: bool,
) -> int:
    """Drive the real mechanisms and hold what threads saw against the reference implementations.

    A disagreement is a failure like any other: it is minimized, kept in the corpus and replayable.
    """
    if twin and len(names) != 1:
        raise UsageError("--twin belongs to one mechanism: name it.")
    chosen = [probe(name) for name in names] or list(PROBES)
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    click.echo(f"stressor: seed {seed}", err=True)
    reports = Reports()
    told: list[dict[str, Any]] = []
    with session_for(1) as session:
        for each in chosen:
            target = each.twin(twin) if twin else each.target
            wishes = Wishes(_settings(each, seed), seconds, Corpus(root), as_json=as_json)
            report = campaign_on(session, target, Share(seconds, GRACE_SECONDS), wishes, reports)
            told.append(_told(each, twin, report))
            if not as_json:
                reports.release(console())
                console().print(_line(told[-1]))
            if report.interrupted:
                break
    if as_json:
        print_json(told)
    return worst([each["exit_code"] for each in told])


def _settings(each: Listed, seed: int) -> Settings:
    return Settings(
        "",
        seed,
        modules=MODULES,
        threads=each.threads,
        calls=CALLS,
        rounds=ROUNDS,
        runtime=each.runtime,
    )


def _told(each: Listed, twin: str, report: Report) -> dict[str, Any]:
    return {
        "mechanism": each.mechanism,
        "twin": twin,
        "agrees": report.exercised and not report.findings,
        "rounds": report.status.tally.rounds,
        "failures": [str(finding.signature) for finding in report.findings],
        "exit_code": report.exit_code,
    }


def _line(told: dict[str, Any]) -> str:
    name = told["mechanism"] + (f" with {told['twin']}" if told["twin"] else "")
    how = "agrees" if told["agrees"] else "DISAGREES" if told["failures"] else "not compared"
    return f"{name}: {how}; {many(told['rounds'], 'round')}"
