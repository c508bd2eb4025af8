"""Failures of threads that take turns become a few calls, and a few pins or switches.

The wanted size is two threads, four calls, and three pins or switches in all, and a failure in every
run. Measured with `benchmarks/bench_minimize.py corpus/cases/buggy/* --mode turns`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stressor.minimize import minimize
from stressor.model.cost import CERTAIN
from stressor.model.plan import Plan
from stressor.model.trial import Trial
from tests.power.conftest import CASES, Search
from tests.power.test_cases import any_seed

SMALL = (
    "borrowed_dict_item",
    "borrowed_list_item",
    "check_then_act",
    "iterator_invalidated",
    "lazy_initialization",
    "lost_update",
    "section_across_detach",
    "two_field_update",
)
"""Measured: 127 of 128 minimizations of these cases, from 16 seeds each, gave a small result."""

STARTS, LARGER = 5, 2
"""By the measurement less than 3.7 % of the results are larger (95 %). Then more than 2 of 5 are with
10 * 0.037 ** 3 = 0.05 % at most; where half of the results are, this fails in every second run."""

MOST_TRIALS = 400
"""Controlled plans are half of all, and most of them fail: see `measured.json`."""


def controlled_failures(search: Search, case: Path) -> Iterator[Trial]:
    """One of each of `STARTS` campaigns."""
    for _ in range(STARTS):
        for trial in search.trials(case, MOST_TRIALS, any_seed()):
            if trial.outcome.signature is not None and trial.plan.schedule is not None:
                yield trial
                break
        else:
            pytest.fail(f"no controlled failure in {MOST_TRIALS} trials")


def is_small(plan: Plan) -> bool:
    switches = plan.schedule.switches if plan.schedule is not None else ()
    ordered = plan.schedule is None or plan.schedule.then.name == CERTAIN
    pinned = all(rule.is_pin for rule in plan.rules)
    few = plan.threads <= 2 and plan.calls <= 4 and len(plan.rules) + len(switches) <= 3
    return ordered and pinned and few and plan.rounds == 1


@pytest.mark.power
@pytest.mark.slow
@pytest.mark.native
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SMALL)
def test_failure_becomes_small_and_certain(name: str, search: Search) -> None:
    larger = []
    for trial in controlled_failures(search, CASES / "buggy" / name):
        small = minimize(trial, search.hosts.carry_out)
        assert small.rate is not None
        # Exact schedules and pins were kept for failing each time; 1 of 20 may be a busy machine.
        assert small.rate.hits >= small.rate.runs - 1, (trial.plan, small.plan)
        if not is_small(small.plan):
            larger.append(small.plan)
    assert len(larger) <= LARGER, larger


@pytest.mark.power
@pytest.mark.native
@pytest.mark.timeout(300)
def test_exact_schedule_replays_on_its_course(search: Search) -> None:
    case = CASES / "buggy" / "two_field_update"
    trial = next(controlled_failures(search, case))

    plans = []

    def seen(plan: Plan) -> Trial:
        done = search.hosts.carry_out(plan)
        if plan.schedule is not None and plan.schedule.trace:
            plans.append((plan, done))
        return done

    minimize(trial, seen)

    assert plans
    for plan, done in plans:
        control = done.evidence.control
        assert control is not None
        if done.outcome.signature is not None and control.divergence is None:
            assert control.trace == (plan.schedule.trace if plan.schedule else "")
    last, done = plans[-1]
    again = search.hosts.carry_out(last)
    assert again.outcome.signature == done.outcome.signature
    assert again.evidence.control is not None
    assert again.evidence.control.divergence is None
