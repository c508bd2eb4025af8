"""`stressor fuzz TARGET...`: look for failures under a budget."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import evolve, field, frozen

from stressor.campaign.budget import Budget
from stressor.campaign.findings import Shrink
from stressor.campaign.portfolio import chosen
from stressor.campaign.progress import Finding, Progress
from stressor.campaign.redirection import chosen_names
from stressor.campaign.report import Report
from stressor.campaign.session import Session
from stressor.campaign.settings import Settings
from stressor.cli.boundary import report_fault, say
from stressor.cli.bundled import bundled_targets
from stressor.cli.choices import CORPUS, JSON, FiniteRange, session_for
from stressor.cli.control import DOUBLE_CHECK, EXHAUSTIVE, MODE, MODES, RUNTIME, STRATEGY_NAMES
from stressor.cli.monitors import MONITOR, union
from stressor.cli.output import console, print_json
from stressor.cli.shares import Share, share_of
from stressor.cli.telling import summary_of, worst
from stressor.cli.watch import Reports, always, is_minimized, watching
from stressor.corpus import Corpus
from stressor.errors import ExitCode, StressorError
from stressor.minimize import Effort
from stressor.minimize.followup import GRACE_SECONDS, FollowUp
from stressor.model.bounds import MOST_MEMORY_MB, MOST_THREADS
from stressor.model.plan import Allocator, Limits
from stressor.report import show, summary_data, summary_report

EXAMPLES = """\b
Examples:
  stressor fuzz target.py                          one minute, one file with a Target class
  stressor fuzz tests/stress/queue tests/stress/cache --time 600
  stressor fuzz mypkg.stress:Queue --trials 1000 --seed 7
  stressor fuzz target.py --modules '*/mypkg/*.so' --threads 8 --jobs 4
  stressor fuzz target.py --time 3600 --json > result.json
  stressor fuzz target.py --monitor all            with the laws of the C API watched
  stressor fuzz target.py --exhaustive preemptions=2 --threads 2 --calls 2

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
    """What the command line asked for, for all targets; `seconds` are those of the whole command."""

    settings: Settings
    seconds: float
    corpus: Corpus
    effort: Effort | None = field(factory=Effort)
    as_json: bool = False

    @property
    def grace(self) -> float:
        """Seconds beyond those that were asked for: for minimizing, and for nothing else."""
        return GRACE_SECONDS if self.effort is not None else 0.0


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
    help="Seconds in all, minimizing included. What the last target fails with may take "
    f"{GRACE_SECONDS:.0f} s more to minimize.",
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
@RUNTIME
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    type=click.Choice(STRATEGY_NAMES),
    metavar="NAME",
    help=f"Use this one only; repeatable. There are: {', '.join(STRATEGY_NAMES)}.",
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
@MODE
@MONITOR
@DOUBLE_CHECK
@EXHAUSTIVE
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
    wishes = _wishes(root, asked)
    jobs = asked["jobs"] or max((os.cpu_count() or 1) // 2, 1)
    click.echo(
        f"stressor: seed {wishes.settings.seed}, {jobs} {'job' if jobs == 1 else 'jobs'}", err=True
    )
    with session_for(jobs) as session:
        return _fuzz_all(session, targets, wishes)


def _wishes(root: Path, asked: dict[str, Any]) -> Wishes:
    seed = asked["seed"] if asked["seed"] is not None else random.SystemRandom().getrandbits(32)
    settings = Settings(
        target="",
        seed=seed,
        modules=asked["modules"],
        runtime=asked["runtime"],
        trials=asked["trials"],
        threads=asked["threads"],
        calls=asked["calls"],
        rounds=asked["rounds"],
        modes=MODES[asked["mode"]],
        strategies=asked["strategies"],
        allocators=ALLOCATORS[asked["allocator"]],
        monitors=union(asked["monitors"]),
        double_check=asked["double_check"],
        exhaustive=asked["exhaustive"],
        limits=Limits(asked["deadline"], asked["memory"]),
    )
    chosen_names(settings.runtime)
    chosen(settings)  # refuses names that fit no mode before anything is loaded
    effort = None if asked["no_minimize"] else Effort()
    return Wishes(settings, asked["seconds"], Corpus(root), effort, asked["as_json"])


def _fuzz_all(session: Session, targets: Sequence[str], wishes: Wishes) -> int:
    """One campaign after the other; among several, one that cannot start does not stop the rest."""
    told: list[dict[str, Any]] = []
    used: list[float] = []
    reports = Reports(is_minimized if wishes.effort is not None else always)
    for target in targets:
        share = share_of(wishes.seconds, len(targets), used, wishes.grace)
        used.append(0.0)
        try:
            report = campaign_on(session, target, share, wishes, reports)
        except StressorError as error:
            if len(targets) == 1 and not wishes.as_json:
                raise
            told.append(_not_started(target, error))
            continue
        used[-1] = report.status.seconds
        told.append({**summary_data(summary_of(report)), "exit_code": report.exit_code})
        if reports.has_begun or len(used) == len(targets) or report.interrupted:
            reports.release(console())
        _tell(report, wishes.as_json)
        if report.interrupted:
            break
    reports.release(console())
    code = worst([campaign["exit_code"] for campaign in told])
    if wishes.as_json:
        print_json({"exit_code": code, "campaigns": told})
    return code


def _not_started(target: str, error: StressorError) -> dict[str, Any]:
    """Say why a campaign could not start, and what stands for it. Raises what is our own fault."""
    if error.exit_code is ExitCode.INTERNAL:
        raise error
    named = error.message.startswith(target)
    say(error.message if named else f"{target}: {error.message}")
    return {"target": target, "error": error.message, "exit_code": error.exit_code}


def campaign_on(
    session: Session, target: str, share: Share, wishes: Wishes, reports: Reports
) -> Report:
    """One campaign with what is told of it as it goes. Raises before the first trial only."""
    with watching(None if wishes.as_json else reports) as progress:
        return session.fuzz(
            evolve(wishes.settings, target=target, seconds=share.seconds),
            wishes.corpus.keep,
            progress,
            _follow_up(wishes.effort, share.grace) if wishes.effort is not None else None,
            _known(wishes.corpus, target, progress),
        )


def _follow_up(effort: Effort, grace: float) -> Callable[[Budget], Shrink]:
    return lambda budget: FollowUp(effort, budget, grace)


def _known(corpus: Corpus, target: str, progress: Progress) -> Iterator[Finding]:
    """The target's failures in the corpus; what cannot be read is named and left alone."""
    known = corpus.known(target)
    for problem in known.problems:
        progress.note(f"skipped in the corpus: {problem}")
    for entry, trial in known.entries:
        if trial.outcome.signature is not None:
            yield Finding(trial.outcome.signature, trial, entry.path, known=True)


def _tell(report: Report, as_json: bool) -> None:
    if not as_json:
        show(console(), summary_report(summary_of(report)))
    for fault in report.faults:
        if getattr(fault, "exit_code", ExitCode.INTERNAL) == ExitCode.INTERNAL:
            report_fault(fault)
        else:
            say(str(fault))
