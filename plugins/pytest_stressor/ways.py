"""From options to the work of `stressor.campaign.models`, and from what came of it to text.

Shared by the items of `--mechanisms` and the fixture, so that both say and keep the same.
"""

import os
import shlex
from pathlib import Path

import pytest

from pytest_stressor.options import STRATEGY, Wanted
from stressor.campaign.models.carryout import TEST_RUNS, CarriedOut, Drawing, Searching
from stressor.campaign.models.schedulers import USUAL, schedulers, strategy_named
from stressor.corpus import CorpusWriteError, Findings
from stressor.errors import UsageError
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.exhaustive import MOST_STATES
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.story import story
from stressor.report.plain import plain_lines
from stressor.report.replay import replay_command


def strategy_of(wanted: Wanted) -> Strategy:
    """Who schedules. Raises `pytest.UsageError` with the nearest names."""
    if wanted.strategy is None:
        known = schedulers()
        return known.all[0] if known.missing else known.named(USUAL)
    try:
        return strategy_named(wanted.strategy)
    except UsageError as error:
        raise pytest.UsageError(f"{STRATEGY.flag}: {error}") from None


def way_of(wanted: Wanted, states: int = MOST_STATES) -> Drawing | Searching:
    """How models are carried out. Raises `pytest.UsageError`."""
    if wanted.exhaustive:
        return Searching(states)
    return Drawing(strategy_of(wanted), wanted.runs or TEST_RUNS, wanted.seed)


def name_of(done: CarriedOut) -> str:
    """The model, for a sentence."""
    name = done.model.reference.kind.name
    return f"{name} with {done.model.defect}" if done.model.defect else name


def undecided(done: CarriedOut) -> str:
    """Why a search that gave up is no pass."""
    more = "Allow more states, or make its sizes smaller."
    return f"{name_of(done)}: {done.did}: nothing is proved. {more}"


def broken(done: CarriedOut, finding: Finding, wanted: Wanted) -> str:
    """The story of what broke, kept in the corpus, with the command that runs it again."""
    told = plain_lines(story(finding))
    try:
        entry = Findings(wanted.corpus).keep(finding)
    except CorpusWriteError as why:
        last = why.message
    else:
        last = _replay(entry, wanted.root)
    return "\n".join([f"{name_of(done)}: BROKEN; {done.did}", "", *told, "", last])


def _replay(entry: Path, root: Path) -> str:
    """The command, as it is to be given in the root: what an entry names is relative to that."""
    if entry.is_relative_to(root):
        entry = entry.relative_to(root)
    cd = "" if os.path.samefile(root, os.getcwd()) else f"cd {shlex.quote(str(root))} && "
    return cd + replay_command(entry)
