"""The mutation score: which defect which strategy finds, and after how many schedules.

The unit is a pair, one defect of one mechanism. A strategy finds it when more than half of the seeds
do within the cap, so that a median can be told; a seed after which half have missed decides that none
can, and the others are not run. The pair is found when its best strategy finds it: a defect that none
finds is a model that says less than it claims. The score is the share of pairs that are found; each
strategy's own share is told beside it, and is not held against it, since each was made for other bugs.

A strategy may stand on something that a model does not give (`Strategy.applies`). It is tried all the
same, but what it then misses is told apart from what it missed, and does not count in its own share.
"""

from collections.abc import Sequence
from statistics import median

from attrs import frozen

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.exploring import explore
from stressor.mechanisms.registry import maker
from stressor.mechanisms.replay import rehearse

SEEDS = 20
MOST_RUNS = 2_000
"""A defect that needs more schedules in the median is a test that nobody runs often enough."""
ENOUGH = 0.95
"""Least share of the pairs that must be found."""


@frozen
class Scored:
    """One defect under one strategy: schedules until it was found, None for a seed that missed.

    `applies` is false when the model does not give the strategy what it stands on.
    """

    mechanism: str
    defect: str
    strategy: str
    schedules: tuple[int | None, ...]
    applies: bool = True

    @property
    def median(self) -> float | None:
        """Schedules to find it; None when half of the seeds or more missed."""
        found = median(each if each is not None else float("inf") for each in self.schedules)
        return found if found < float("inf") else None

    @property
    def told(self) -> str:
        """The median; else how many of the seeds that ran found it, "n/a" where that says little."""
        if self.median is not None:
            return f"{self.median:,.0f}"
        hits = sum(each is not None for each in self.schedules)
        return ("" if self.applies else "n/a ") + f"({hits} of {len(self.schedules)})"


def scored(
    mechanism: type[Mechanism], defect: str, strategy: Strategy, seeds: int, most: int
) -> Scored:
    """One defect under one strategy, with seeds from 0 on, up to `most` schedules each."""
    makes = maker(mechanism, defect)
    schedules: list[int | None] = []
    for seed in range(seeds):
        explored = explore(makes, strategy, most, seed)
        schedules.append(explored.runs if explored.finding else None)
        if 2 * schedules.count(None) >= seeds:
            break
    applies = strategy.applies(rehearse(makes))
    return Scored(mechanism.name, defect, strategy.name, tuple(schedules), applies)


def found(rows: Sequence[Scored]) -> tuple[int, int]:
    """Pairs that some strategy finds, and pairs."""
    pairs = {(each.mechanism, each.defect) for each in rows}
    hits = {(each.mechanism, each.defect) for each in rows if each.median is not None}
    return len(hits), len(pairs)


def share(rows: Sequence[Scored]) -> float:
    """The score, 0 to 1; 1 when there was nothing to find."""
    hits, pairs = found(rows)
    return hits / pairs if pairs else 1.0


def own_shares(rows: Sequence[Scored]) -> dict[str, tuple[int, int]]:
    """For each strategy, pairs that it finds, and pairs that it finds or applies to."""
    return {
        strategy: (
            sum(each.median is not None for each in rows if each.strategy == strategy),
            sum(
                each.median is not None or each.applies
                for each in rows
                if each.strategy == strategy
            ),
        )
        for strategy in dict.fromkeys(each.strategy for each in rows)
    }


def table(rows: Sequence[Scored]) -> str:
    """Markdown: a row for each defect, a column for each strategy, the median number of schedules."""
    strategies = list(dict.fromkeys(each.strategy for each in rows))
    pairs: dict[tuple[str, str], dict[str, Scored]] = {}
    for each in rows:
        pairs.setdefault((each.mechanism, each.defect), {})[each.strategy] = each
    lines = [
        f"| mechanism | defect | {' | '.join(strategies)} |",
        "| --- | --- |" + " ---: |" * len(strategies),
    ]
    for (mechanism, defect), cells in pairs.items():
        told = " | ".join(cells[strategy].told for strategy in strategies)
        lines.append(f"| {mechanism} | {defect} | {told} |")
    return "\n".join(lines)
