"""The mutation score: which defect which strategy finds, and after how many schedules.

A defect counts as found by a strategy when more than half of the seeds find it within the budget, so
that a median can be told. A defect that no strategy finds is a model that says less than it claims.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from attrs import frozen

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.exploring import explore
from stressor.mechanisms.registry import maker

SEEDS = 20
MOST_RUNS = 10_000
ENOUGH = 0.95
"""Least share of mechanism, defect and strategy that must be found."""


@frozen
class Scored:
    """One defect under one strategy: schedules until it was found, None for a seed that missed."""

    mechanism: str
    defect: str
    strategy: str
    schedules: tuple[int | None, ...]

    @property
    def median(self) -> float | None:
        """Schedules to find it; None when half of the seeds or more missed."""
        found = median(each if each is not None else float("inf") for each in self.schedules)
        return found if found < float("inf") else None


def score(
    mechanisms: Sequence[type[Mechanism]],
    strategies: Sequence[Strategy],
    seeds: int = SEEDS,
    most: int = MOST_RUNS,
    progress: Callable[[str, str], None] = lambda mechanism, defect: None,
) -> Iterator[Scored]:
    """Every defect of the mechanisms under every strategy; seeds 0 to `seeds` - 1."""
    for mechanism in mechanisms:
        for defect in mechanism.defects:
            progress(mechanism.name, defect)
            makes = maker(mechanism, defect)
            for strategy in strategies:
                explored = [explore(makes, strategy, most, seed) for seed in range(seeds)]
                runs = tuple(each.runs if each.finding else None for each in explored)
                yield Scored(mechanism.name, defect, strategy.name, runs)


def share(scored: Sequence[Scored]) -> float:
    """How much was found, 0 to 1; 1 when there was nothing to find."""
    return sum(each.median is not None for each in scored) / len(scored) if scored else 1.0


def table(scored: Sequence[Scored]) -> str:
    """Markdown: a row for each defect, a column for each strategy, the median number of schedules."""
    strategies = list(dict.fromkeys(each.strategy for each in scored))
    rows: dict[tuple[str, str], dict[str, Scored]] = {}
    for each in scored:
        rows.setdefault((each.mechanism, each.defect), {})[each.strategy] = each
    lines = [
        f"| mechanism | defect | {' | '.join(strategies)} |",
        "| --- | --- |" + " ---: |" * len(strategies),
    ]
    for (mechanism, defect), cells in rows.items():
        told = " | ".join(_told(cells[strategy]) for strategy in strategies)
        lines.append(f"| {mechanism} | {defect} | {told} |")
    return "\n".join(lines)


def _told(scored: Scored) -> str:
    if scored.median is not None:
        return f"{scored.median:,.0f}"
    found = sum(each is not None for each in scored.schedules)
    return f"({found} of {len(scored.schedules)})"
