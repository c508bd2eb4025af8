"""Minimizing a race that exists only as arithmetic; chance comes from seeded generators alone."""

from random import Random

import pytest
from attrs import evolve

from stressor.minimize import Effort, Search, minimize
from stressor.model.cost import cost
from stressor.model.evidence import Event
from stressor.model.plan import Action, Allocator, Call, Plan, Rule
from stressor.model.site import Phase
from stressor.model.trial import Trial
from tests.unit.fake_race import BUG, READ, WRITE, Odds, Race, failing_trial

NOISE = Rule(Action.SLEEP, "*", chance=0.3, least_ns=50_000, most_ns=300_000)

BALLAST = Plan(
    target="cache",
    program=(
        (Call("write", "00ff"), Call("read", "07"), Call("write", "aa"), Call("read", "bb")),
        (Call("write", "11"), Call("write", "12"), Call("write", "13")),
        (Call("read", "21"), Call("read", "22"), Call("read", "23"), Call("write", "24")),
    ),
    seed=1,
    rules=(NOISE,),
    rounds=10,
    allocator=Allocator.DEBUG,
    runtime=("all",),
)


@pytest.mark.parametrize("seed", range(12))
def test_only_the_race_is_left(seed: int) -> None:
    race = Race(Random(seed))

    small = minimize(failing_trial(race, BALLAST), race)

    assert set(small.plan.program) == {(Call("read"),), (Call("write"),)}
    [pin] = small.plan.rules
    assert pin.action is Action.HOLD
    assert pin.site == READ
    assert pin.until is not None
    assert pin.until.site == WRITE
    assert small.plan.allocator is Allocator.DEFAULT
    assert small.plan.runtime == ()
    # rounds_for(0.48) = 6: so few hits of a rate of 0.9 are counted in less than 1 in 1000 cases.
    assert small.plan.rounds <= 6
    assert small.outcome.signature == BUG
    assert small.minimized
    # rounds_for(0.9) = 2 and the race fails with 0.99 then: fewer than 17 of 20 in 1 of 10^5 cases.
    assert small.rate is not None
    assert small.rate.hits >= 17
    assert small.rate.runs == 20


@pytest.mark.parametrize("seed", range(6))
def test_rare_failure_is_made_to_repeat(seed: int) -> None:
    # 1 round in 50, and nothing to widen: 20 runs of one round give no hit in 2 of 3 cases.
    race = Race(Random(seed), Odds(plain=0.02))
    start = failing_trial(race, evolve(BALLAST, rules=()), tries=2000)

    small = minimize(start, race)

    assert small.plan.calls == 2
    assert small.plan.rounds >= 50
    assert small.rate is not None
    assert small.rate.hits >= 16


def test_what_cannot_be_reproduced_comes_back_as_it_was() -> None:
    race = Race(Random(3))
    start = failing_trial(race, BALLAST)
    never = Race(Random(3), Odds(0.0, 0.0))

    kept = minimize(start, never)

    assert kept.plan == start.plan
    assert kept.evidence == start.evidence
    assert str(kept.rate) == "0/20"
    assert not kept.minimized


@pytest.mark.parametrize("seed", range(4))
def test_another_failure_is_not_followed(seed: int) -> None:
    race = Race(Random(seed), Odds(widened=0.8, other=0.2))

    small = minimize(failing_trial(race, BALLAST), race)

    assert small.outcome.signature == BUG
    assert small.plan.calls < BALLAST.calls


@pytest.mark.parametrize("executions", [0, 1, 5, 9, 20, 60])
def test_effort_is_a_ceiling_and_the_best_so_far_the_result(executions: int) -> None:
    race = Race(Random(5))
    start = failing_trial(race, BALLAST)
    race.runs = 0

    small = minimize(start, race, Effort(60.0, executions))

    # The confirmation comes on top: at most 100 runs.
    assert race.runs <= executions + 100
    assert cost(small.plan) <= cost(start.plan) or small.plan.rounds > start.plan.rounds
    assert small.rate is not None


def test_time_is_a_ceiling() -> None:
    race = Race(Random(5))
    start = failing_trial(race, BALLAST)
    race.runs = 0
    # Every look at the clock costs one second: 60 s allow at most 60 runs, and 30 for the rate.
    seconds = iter(range(10_000))

    minimize(start, race, Effort(60.0, 1000), clock=lambda: float(next(seconds)))

    assert race.runs <= 90


def test_stopping_ends_at_once_with_the_best_so_far() -> None:
    race = Race(Random(5))
    start = failing_trial(race, BALLAST)
    race.runs = 0
    seen: list[Search] = []

    small = minimize(start, race, tell=seen.append, stopped=lambda: race.runs >= 30)

    assert race.runs == 30
    assert small.plan == seen[-1].best.plan or small.plan == start.plan


def test_single_thread_failure_ends_with_one_thread() -> None:
    race = Race(Random(1))
    start = failing_trial(race, BALLAST)

    def always(plan: Plan) -> Trial:
        return evolve(start, plan=plan, evidence=evolve(start.evidence, rounds=1))

    small = minimize(start, always)

    assert small.plan.threads == 1
    assert small.plan.calls == 1
    assert small.plan.rules == ()
    assert small.plan.rounds == 1


def test_pin_is_not_taken_when_it_makes_the_failure_rarer() -> None:
    class PinsAreWeak(Race):
        def _is_held(self, plan: Plan, event: Event, writers: set[int]) -> bool:
            return False

    race = PinsAreWeak(Random(2))

    small = minimize(failing_trial(race, BALLAST), race)

    [delay] = small.plan.rules
    assert not delay.is_pin
    assert delay.phase is Phase.AFTER
    # The race needs 100 us; halving stops above it.
    assert 100_000 <= delay.most_ns < 200_000


def test_passed_trial_is_refused() -> None:
    passed = Race(Random(0), Odds(0.0, 0.0))(BALLAST)

    with pytest.raises(ValueError, match="did not fail"):
        minimize(passed, Race(Random(0)))


def test_hold_that_ran_out_says_no_order() -> None:
    class HoldsRunOut(Race):
        def _thread(self, plan: Plan, thread: int) -> tuple[Event, ...]:
            events = super()._thread(plan, thread)
            return tuple(evolve(each, expired=each.action is Action.HOLD) for each in events)

    race = HoldsRunOut(Random(2))

    small = minimize(failing_trial(race, BALLAST), race)

    assert [rule.is_pin for rule in small.plan.rules] == [False]


def test_what_was_cut_short_says_so_and_what_ended_does_not() -> None:
    start = failing_trial(Race(Random(1)), BALLAST)
    short = minimize(start, Race(Random(1)), Effort(60.0, 30))
    assert short.minimized
    assert short.cut_short == "as far as 30 runs allowed"
    assert minimize(start, Race(Random(1)), Effort(60.0, 5000)).cut_short == ""


def test_what_is_minimized_stays_so_when_no_more_can_be_done() -> None:
    race = Race(Random(1))
    done = evolve(
        failing_trial(race, BALLAST), minimized=True, cut_short="as far as 9 runs allowed"
    )

    again = minimize(done, race, Effort(60.0, 1))

    assert again.plan == done.plan
    assert (again.minimized, again.cut_short) == (True, "as far as 9 runs allowed")
    fresh = minimize(evolve(done, minimized=False, cut_short=""), race, Effort(60.0, 1))
    assert (fresh.minimized, fresh.cut_short) == (False, "as far as 1 runs allowed")
