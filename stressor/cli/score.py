"""`stressor models score`: how many schedules each strategy needs to find each defect.

Takes long when all is scored: each row is printed when it is done, and `--resume` keeps them.
"""

import time
from pathlib import Path

import click
from attrs import define, field

from stressor.campaign.models.schedulers import schedulers, strategy_named
from stressor.campaign.models.scoring import Asked, Pair, Scoring, begun, save
from stressor.campaign.models.scoring import score as score_all
from stressor.cli.boundary import say
from stressor.cli.output import console
from stressor.corpus.write import write_file
from stressor.errors import ExitCode
from stressor.mechanisms.registry import MECHANISMS, named
from stressor.mechanisms.score import (
    ENOUGH,
    MOST_RUNS,
    SEEDS,
    Scored,
    found,
    own_shares,
    share,
    table,
)

HEADING = """# Mutation score

Schedules until a defect was found: the median of {seeds} seeds, up to {runs:,} schedules each.
Where half of the seeds or more missed there is no median, and the brackets say how many of those that
ran found it. "n/a" stands before what a strategy missed in a model that does not give it what it stands
on (for surw: every thread takes steps in the trial runs). What takes more delays than `delayed` has (2),
or is deeper than `pct` looks (3), these can never find. Written by
`{command}`.

{summary}
"""


@click.command("score")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--strategy", "strategies", multiple=True, metavar="NAME", help="Default: all native ones."
)
@click.option("--seeds", type=click.IntRange(1), default=SEEDS, show_default=True, metavar="N")
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=MOST_RUNS,
    show_default=True,
    metavar="N",
    help="Most schedules of each seed.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes.",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep what is done in this file, and go on from it when it is there.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the table here.",
)
def score(  # noqa: PLR0913, PLR0917 - click hands over each option
    names: tuple[str, ...],
    strategies: tuple[str, ...],
    seeds: int,
    runs: int,
    jobs: int,
    resume: Path | None,
    out: Path | None,
) -> int:
    """Count schedules until each strategy finds each defect; exit code 1 under 95 % found.

    A strategy finds a defect when more than half of the seeds do, and the defect counts as found when
    its best strategy finds it.
    """
    chosen = tuple(named(name).name for name in names) or tuple(each.name for each in MECHANISMS)
    using = tuple(strategy_named(each).name for each in strategies) or _all()
    asked = Asked(tuple(dict.fromkeys(chosen)), tuple(dict.fromkeys(using)), seeds, runs)
    scoring = begun(resume, asked) if resume is not None else Scoring(asked)
    if out is not None:
        # Before hours of work: a path that cannot be written is said now.
        write_file(out, out.read_bytes() if out.exists() else b"")
    if scoring.done:
        say(f"{resume}: {len(scoring.done)} of {len(asked.pairs)} defects are done")
    scoring = score_all(scoring, jobs, _Telling(resume))
    summary = _summary(scoring.rows)
    console().print(f"\n{summary}")
    if out is not None:
        write_file(out, _document(asked, summary, scoring.rows).encode())
    enough = share(scoring.rows) >= ENOUGH
    return ExitCode.NOTHING_FOUND if enough else ExitCode.FAILURES_FOUND


@define
class _Telling:
    """Keeps and prints each pair when it is done, with how long the rest will take."""

    resume: Path | None
    _begin: float = field(factory=time.monotonic)
    _made: int = 0

    def __call__(self, scoring: Scoring, pair: Pair) -> None:
        if self.resume is not None:
            save(self.resume, scoring)
        self._made += 1
        left = len(scoring.left)
        each = (time.monotonic() - self._begin) / self._made
        mechanism, defect = pair.name
        cells = ", ".join(f"{row.strategy} {row.told}" for row in pair.rows)
        rest = f"{left} left, about {each * left / 60:.0f} min" if left else "done"
        console().print(f"{mechanism} {defect}: {cells}  [{rest}]")


def _all() -> tuple[str, ...]:
    known = schedulers()
    if known.missing:
        say(known.missing)
    return tuple(each.name for each in known.all)


def _summary(rows: tuple[Scored, ...]) -> str:
    hits, pairs = found(rows)
    parts = [f"{name} {of_hits} of {of}" for name, (of_hits, of) in own_shares(rows).items()]
    missed = sorted(
        {(each.mechanism, each.defect) for each in rows}
        - {(each.mechanism, each.defect) for each in rows if each.median is not None}
    )
    lines = [
        f"{share(rows):.1%}: {hits} of {pairs} defects are found by their best strategy.",
        f"By each strategy, of those that it applies to: {', '.join(parts)}.",
    ]
    if missed:
        lines.append(f"Found by none: {', '.join(' '.join(pair) for pair in missed)}.")
    return "\n".join(lines)


def _document(asked: Asked, summary: str, rows: tuple[Scored, ...]) -> str:
    command = f"stressor models score --seeds {asked.seeds} --runs {asked.runs} --out FILE"
    heading = HEADING.format(seeds=asked.seeds, runs=asked.runs, command=command, summary=summary)
    return f"{heading}\n{table(rows)}\n"
