"""Measuring how often a plan fails, and going back where minimizing made it rarer.

Decides which of the accepted plans is the result: the newest whose rate holds. Each single step was
judged on few runs, so the rate may have crept down over many of them; only here it is measured well.
"""

from attrs import evolve

from stressor.minimize.effort import Spent
from stressor.minimize.odds import SURE, Tally, rounds_for
from stressor.minimize.search import Sample, Search
from stressor.model.cost import cost
from stressor.model.trial import Rate, Trial

RUNS = 20

HOLDS = 0.85
"""Part of the base's rate that must be left. At a true rate of 0.95, 20 runs give less in 2 % of
the cases."""


def settle(search: Search, found: Tally) -> Trial:
    """The newest accepted plan whose rate holds, with its rate; the input if none is better.

    `search` brings a fresh meter; `found` is what was counted of the input, before anything was
    strengthened. Goes back by one step, then two, four, ...; what is hopeless is ended early. What
    left the turnstile has to be as sure as it was with it.
    """
    is_controlled = any(trial.plan.schedule is not None for trial in search.line)
    newest, step = len(search.line) - 1, 1
    while newest > 0:
        has_left = is_controlled and search.line[newest].plan.schedule is None
        wanted = (1.0 if has_left else HOLDS) * search.base.rate
        trial, tally = measured(search, search.line[newest], wanted)
        if tally.rate < SURE and tally.hits and not is_controlled:
            trial, tally = _with_more_rounds(search, trial, tally)
        if tally.runs and tally.rate >= wanted and _is_better(trial, tally, search.line[0], found):
            return trial
        newest, step = newest - step, step if has_left else 2 * step
    return measured(search, search.line[0])[0]


def measured(search: Search, trial: Trial, wanted: float = 0.0) -> tuple[Trial, Tally]:
    """The trial with its rate over `RUNS` runs, or over as many as the effort allows.

    Its evidence becomes that of a new failure, unless only the old one has the very signature. Ends
    early when the rate cannot reach `wanted` any more. When not one run could be afforded, it comes
    back as it was.
    """
    sample = Sample()
    try:
        while sample.tally.runs < RUNS and sample.tally.misses <= (1 - wanted) * RUNS:
            sample = search.count(trial.plan, sample)
    except Spent:
        pass
    tally = sample.tally
    last = trial if sample.hit is None else search.better(trial, sample.hit)
    rate = Rate(tally.hits, tally.runs) if tally.runs else trial.rate
    return evolve(trial, evidence=last.evidence, outcome=last.outcome, rate=rate), tally


def _with_more_rounds(search: Search, trial: Trial, tally: Tally) -> tuple[Trial, Tally]:
    """Rounds weigh least: a failure that needs a few more of them is better than one that hides."""
    rounds = max(rounds_for(tally.per_round), trial.plan.rounds)
    stronger = evolve(trial, plan=evolve(trial.plan, rounds=rounds))
    again, more = measured(search, stronger, tally.rate)
    return (again, more) if more.runs == RUNS and more.rate > tally.rate else (trial, tally)


def _is_better(trial: Trial, tally: Tally, start: Trial, found: Tally) -> bool:
    """Never worse than the input: cheaper, or else seen to fail more often."""
    return cost(trial.plan) < cost(start.plan) or tally.rate > found.rate
