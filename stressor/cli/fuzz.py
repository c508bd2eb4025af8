"""`stressor fuzz TARGET...`: look for failures under a budget."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import evolve, field, frozen

from stressor.campaign.budget import Budget
from stressor.campaign.explore import Shrink
from stressor.campaign.progress import Finding, Progress
from stressor.campaign.report import Report
from stressor.campaign.session import Session
from stressor.campaign.settings import Settings
from stressor.cli.boundary import report_fault, say
from stressor.cli.bundled import bundled_targets
from stressor.cli.choices import CORPUS, JSON, FiniteRange, session_for
from stressor.cli.output import console, print_json
from stressor.cli.telling import summary_of, worst
from stressor.cli.watch import watching
from stressor.corpus import Corpus, EntryError
from stressor.errors import ExitCode, StressorError
from stressor.minimize import Effort
from stressor.minimize.followup import FollowUp
from stressor.model.bounds import MOST_MEMORY_MB, MOST_THREADS
from stressor.model.plan import Allocator, Limits
from stressor.report import show, summary_data, summary_report
from stressor.strategies import BY_NAME

EXAMPLES = """\b
Examples:
  stressor fuzz target.py                          one minute, one file with a Target class
  stressor fuzz tests/stress/queue tests/stress/cache --time 600
  stressor fuzz mypkg.stress:Queue --trials 1000 --seed 7
  stressor fuzz target.py --modules '*/mypkg/*.so' --threads 8 --jobs 4
  stressor fuzz target.py --time 3600 --json > result.json

\b
Ctrl-C ends a campaign early, keeps what was found and prints the summary.
Exit codes: 0 nothing found on what was exercised, 1 failures found, 2 wrong usage or a broken
harness, 3 could not test, 4 a fault of stressor itself, 130 interrupted with nothing found.
"""

ALLOCATORS = {
    "default": (Allocator.DEFAULT,),
    "debug": (Allocator.DEBUG,),
    "both": (Allocator.DEFAULT, Allocator.DEBUG),
}
_BASE = Settings("", seed=0)


@frozen
class Wishes:
    """What the command line asked for, for every target."""

    settings: Settings
    corpus: Corpus
    effort: Effort | None = field(factory=Effort)
    as_json: bool = False


@click.command(epilog=EXAMPLES)
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("--bundled", is_flag=True, help="Fuzz the real targets that come with a checkout.")
@click.option(
    "--time",
    "seconds",
    type=FiniteRange(min=0.0, min_open=True),
    default=_BASE.seconds,
    show_default=True,
    metavar="S",
    help="Seconds, split between the targets. Minimizing what is found last may take 20 s more.",
)
@click.option(
    "--trials", type=click.IntRange(1), metavar="N", help="End after N trials per target."
)
@click.option(
    "--threads",
    type=click.IntRange(2, MOST_THREADS),
    default=_BASE.threads,
    show_default=True,
    metavar="N",
    help="Most threads of a plan.",
)
@click.option(
    "--calls",
    type=click.IntRange(1, 10_000),
    default=_BASE.calls,
    show_default=True,
    metavar="N",
    help="Most operation calls of a thread in a round.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100_000),
    default=_BASE.rounds,
    show_default=True,
    metavar="N",
    help="Most rounds, each on fresh state, of a trial.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="[default: random, and printed]")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Trials at the same time. [default: half of the processors]",
)
@CORPUS
@click.option(
    "--modules",
    multiple=True,
    metavar="GLOB",
    help="Instrument extension modules whose file name matches, instead of the target's own. "
    "Repeatable.",
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    type=click.Choice(list(BY_NAME)),
    metavar="NAME",
    help=f"Use this one only; repeatable. There are: {', '.join(BY_NAME)}.",
)
@click.option(
    "--allocator",
    type=click.Choice(list(ALLOCATORS)),
    default="both",
    show_default=True,
    help="debug poisons freed memory.",
)
@click.option(
    "--deadline",
    type=FiniteRange(0.1, 3600),
    default=_BASE.limits.seconds,
    show_default=True,
    metavar="S",
    help="Without progress for so long, a trial is looked at as hung.",
)
@click.option(
    "--memory",
    type=click.IntRange(16, MOST_MEMORY_MB),
    default=_BASE.limits.memory_mb,
    show_default=True,
    metavar="MB",
    help="Most memory of a trial.",
)
@click.option("--no-minimize", is_flag=True, help="Keep failures as they were found.")
@JSON
def fuzz(targets: tuple[str, ...], bundled: bool, root: Path, **asked: Any) -> int:  # noqa: ANN401 - click's values, checked by it
    """Look for races in the extension modules that TARGET uses.

    TARGET is a Python file or module with a Target class, or a folder or file with SETUP and OPS. Its
    operations run from several threads on shared state; failures are minimized and kept in the corpus,
    and those kept earlier are tried first.
    """
    if bundled:
        targets = (*targets, *bundled_targets())
    if not targets:
        raise click.UsageError("name a TARGET, or use --bundled", click.get_current_context())
    if not all(asked["modules"]):
        raise click.UsageError(
            "--modules: an empty GLOB matches nothing", click.get_current_context()
        )
    wishes = _wishes(len(targets), root, asked)
    jobs = asked["jobs"] or max((os.cpu_count() or 1) // 2, 1)
    click.echo(
        f"stressor: seed {wishes.settings.seed}, {jobs} {'job' if jobs == 1 else 'jobs'}", err=True
    )
    with session_for(jobs) as session:
        return _fuzz_all(session, targets, wishes)


def _wishes(count: int, root: Path, asked: dict[str, Any]) -> Wishes:
    seed = asked["seed"] if asked["seed"] is not None else random.SystemRandom().getrandbits(32)
    settings = Settings(
        target="",
        seed=seed,
        modules=asked["modules"],
        seconds=asked["seconds"] / count,
        trials=asked["trials"],
        threads=asked["threads"],
        calls=asked["calls"],
        rounds=asked["rounds"],
        strategies=asked["strategies"],
        allocators=ALLOCATORS[asked["allocator"]],
        limits=Limits(asked["deadline"], asked["memory"]),
    )
    effort = None if asked["no_minimize"] else Effort()
    return Wishes(settings, Corpus(root), effort, asked["as_json"])


def _fuzz_all(session: Session, targets: Sequence[str], wishes: Wishes) -> int:
    """One campaign after the other; among several, one that cannot start does not stop the rest."""
    told: list[dict[str, Any]] = []
    for target in targets:
        try:
            report = _campaign(session, evolve(wishes.settings, target=target), wishes)
        except StressorError as error:
            alone = len(targets) == 1 and not wishes.as_json
            if alone or error.exit_code is ExitCode.INTERNAL:
                raise
            named = error.message.startswith(target)
            say(error.message if named else f"{target}: {error.message}")
            told.append({"target": target, "error": error.message, "exit_code": error.exit_code})
            continue
        told.append({**summary_data(summary_of(report)), "exit_code": report.exit_code})
        _tell(report, wishes.as_json)
        if report.interrupted:
            break
    code = worst([campaign["exit_code"] for campaign in told])
    if wishes.as_json:
        print_json({"exit_code": code, "campaigns": told})
    return code


def _campaign(session: Session, settings: Settings, wishes: Wishes) -> Report:
    with watching(quiet=wishes.as_json) as progress:
        return session.fuzz(
            settings,
            wishes.corpus.keep,
            progress,
            _follow_up(wishes.effort) if wishes.effort is not None else None,
            list(_known(wishes.corpus, progress)),
        )


def _follow_up(effort: Effort) -> Callable[[Budget], Shrink]:
    return lambda budget: FollowUp(effort, budget)


def _known(corpus: Corpus, progress: Progress) -> Iterator[Finding]:
    """The exemplars of the corpus; what cannot be read is named and left alone."""
    for problem in corpus.listing().problems:
        progress.note(f"skipped in the corpus: {problem}")
    exemplars = set(corpus.exemplars())
    for entry in corpus.entries():
        try:
            trial = corpus.load(entry)
        except EntryError as error:
            progress.note(f"skipped in the corpus: {error.message}")
            continue
        if entry in exemplars and trial.outcome.signature is not None:
            yield Finding(trial.outcome.signature, trial, entry.path, known=True)


def _tell(report: Report, as_json: bool) -> None:
    if not as_json:
        show(console(), summary_report(summary_of(report)))
    for fault in report.faults:
        if getattr(fault, "exit_code", ExitCode.INTERNAL) == ExitCode.INTERNAL:
            report_fault(fault)
        else:
            say(str(fault))
