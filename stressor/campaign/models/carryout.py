"""One mechanism carried out: scheduled up to a budget, or searched; what breaks is minimized.

Decides what counts as what: a finding is minimized and says where its class is; a correct version that
was not searched to the end is not proved. Keeping and telling are left to the caller.
"""

from collections.abc import Callable

from attrs import evolve, field, frozen

from stressor.campaign.models.reference import Reference, referred
from stressor.mechanisms.again import Again, again
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.exhaustive import MOST_STATES, Exhausted, exhaust
from stressor.mechanisms.exploring import Explored, explore
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.registry import maker
from stressor.mechanisms.shrink import shrink

RUNS = 10_000
"""Schedules of one mechanism, unless told otherwise."""
TEST_RUNS = 2_000
"""The same within a test suite, which runs often; the cap of the mutation score."""

type Tells = Callable[[str], None]


def silent(text: str) -> None:
    """Tell nobody."""


@frozen
class Drawing:
    """Random schedules: how many, drawn by whom from which seed."""

    strategy: Strategy
    runs: int
    seed: int


@frozen
class Searching:
    """All states, up to a number."""

    states: int = MOST_STATES


@frozen
class Model:
    """Which version of a mechanism: a defect or none, and sizes that differ from its own."""

    reference: Reference
    defect: str = ""
    sizes: dict[str, int] = field(factory=dict)


@frozen
class CarriedOut:
    """What was done with a model, in words, and what it broke, minimized.

    `proved`: all states were gone through and nothing was broken. `complete` is false for a search that
    gave up, which says nothing.
    """

    model: Model
    did: str
    finding: Finding | None
    proved: bool = False
    complete: bool = True


def carry_out(model: Model, way: Drawing | Searching, tell: Tells = silent) -> CarriedOut:
    """Schedule a model. Raises `UsageError` for a defect or size that it has not, or a faulty model."""
    if isinstance(way, Searching):
        return _searched(model, way, tell)
    name = model.reference.kind.name

    def so_far(explored: Explored) -> None:
        tell(f"{name}: {explored.runs:,} runs, {explored.steps:,} steps")

    makes = maker(model.reference.kind, model.defect, model.sizes)
    explored = explore(makes, way.strategy, way.runs, way.seed, so_far)
    did = f"{explored.runs:,} runs, {explored.steps:,} steps, {way.strategy.name}, seed {way.seed}"
    return CarriedOut(model, did, _minimized(model, explored.finding))


def _searched(model: Model, way: Searching, tell: Tells) -> CarriedOut:
    name = model.reference.kind.name

    def so_far(exhausted: Exhausted) -> None:
        tell(f"{name}: {exhausted.states:,} states")

    done = exhaust(maker(model.reference.kind, model.defect, model.sizes), way.states, so_far)
    how = "exhausted" if done.complete else "not exhausted"
    if done.finding is not None:
        how = "ended early"
    did = f"{how}, {done.states:,} states"
    ended = done.complete or done.finding is not None
    return CarriedOut(model, did, _minimized(model, done.finding), done.complete, ended)


def _minimized(model: Model, finding: Finding | None) -> Finding | None:
    if finding is None:
        return None
    kind, source = model.reference.kind, model.reference.source
    small = shrink(finding, lambda sizes: maker(kind, model.defect, sizes))
    return evolve(small, run=evolve(small.run, source=source))


def replay(kept: Finding) -> Again:
    """Run a kept finding again. Raises `UsageError`: its mechanism, defect or sizes are gone."""
    kind = referred(kept.run.model).kind
    done = again(maker(kind, kept.run.defect, kept.run.sizes), kept)
    if done.finding is None:
        return done
    run = evolve(done.finding.run, source=kept.run.source)
    return evolve(done, finding=evolve(done.finding, run=run))
