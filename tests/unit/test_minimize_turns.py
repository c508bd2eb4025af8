"""Minimizing plans whose threads take turns: isolated, small, few switches, then pins."""

import pytest
from attrs import evolve

from stressor.minimize import Effort, Search, minimize
from stressor.minimize.effort import Meter
from stressor.minimize.leaps import pairs
from stressor.minimize.turns import by_turns, drawn, is_exact
from stressor.model.cost import cost
from stressor.model.outcome import Outcome, Verdict
from stressor.model.plan import ANY_STEP, Action, Call, Plan, Rule, Schedule, Spec, Switch
from stressor.model.site import Phase
from stressor.model.trial import Trial
from tests.unit.fake_schedules import TORN, Box, torn_trial

GET, PUT, IDLE = Call("get"), Call("put"), Call("idle", "0f")

BATCH = Plan(
    "box",
    ((IDLE, GET, IDLE), (IDLE, IDLE, PUT), (IDLE, Call("idle", "a0"), IDLE)),
    seed=1,
    schedule=Schedule(Spec("walk"), hooks=True),
    home=1,
    rounds=50,
)


@pytest.mark.parametrize("seed", range(8))
def test_only_the_order_is_left_as_pins(seed: int) -> None:
    box = Box(seed)

    small = minimize(torn_trial(box, BATCH), box)

    assert set(small.plan.program) == {(GET,), (PUT,)}
    assert small.plan.schedule is None
    assert small.plan.home is None
    assert small.plan.rounds == 1
    assert {rule.action for rule in small.plan.rules} == {Action.HOLD}
    # The get waits at its use until the put has replaced, and the put until the get has looked.
    assert len(small.plan.rules) == 2
    assert str(small.rate) == "20/20"
    assert small.minimized


@pytest.mark.parametrize("seed", range(8))
def test_where_holds_do_not_work_the_exact_schedule_is_the_result(seed: int) -> None:
    box = Box(seed, holds_work=False)

    small = minimize(torn_trial(box, BATCH), box)

    assert set(small.plan.program) == {(GET,), (PUT,)}
    assert is_exact(small.plan)
    schedule = small.plan.schedule
    assert schedule is not None
    assert not schedule.hooks
    assert [switch.step != ANY_STEP for switch in schedule.switches] == [True]
    assert str(small.rate) == "20/20"
    control = small.evidence.control
    assert control is not None
    assert control.divergence is None
    assert control.trace == schedule.trace


def test_minimized_schedule_is_not_made_worse_and_stays_itself() -> None:
    box = Box(3, holds_work=False)
    small = minimize(torn_trial(box, BATCH), box)

    again = minimize(small, box)

    assert again.plan == small.plan
    assert str(again.rate) == "20/20"
    assert again.minimized


def test_half_minimized_schedule_is_taken_further() -> None:
    box = Box(2, holds_work=False)
    half = minimize(torn_trial(box, BATCH), box, Effort(60.0, 9))
    whole = minimize(torn_trial(box, BATCH), box)

    again = minimize(half, box)

    assert cost(again.plan) <= cost(half.plan)
    assert (again.plan.threads, again.plan.calls) == (whole.plan.threads, whole.plan.calls)


def test_failure_that_rounds_before_prepare_stays_a_batch_and_gets_smaller() -> None:
    box = Box(1, carried=4)

    small = minimize(torn_trial(box, evolve(BATCH, rounds=300)), box)

    assert set(small.plan.program) == {(GET,), (PUT,)}
    assert 4 <= small.plan.rounds <= 300
    assert small.plan.schedule is not None
    assert str(small.rate) == "20/20"


@pytest.mark.parametrize("executions", [0, 1, 3, 8, 20, 50])
def test_effort_is_a_ceiling_and_nothing_gets_worse(executions: int) -> None:
    box = Box(5)
    start = torn_trial(box, BATCH)

    small = minimize(start, box, Effort(60.0, executions))

    assert len(box.plans) <= executions + 100
    assert cost(small.plan) <= cost(start.plan)
    assert small.outcome.signature == TORN


def test_default_effort_is_kept() -> None:
    box = Box(5)

    minimize(torn_trial(box, BATCH), box)

    # 20 runs measure the rate, and 20 more where the pins did not hold.
    assert len(box.plans) <= 150 + 40


def test_what_does_not_fail_again_comes_back_as_it_was() -> None:
    box = Box(5)
    start = torn_trial(box, BATCH)

    kept = minimize(start, Box(5, carried=1000))

    assert kept.plan == start.plan
    assert str(kept.rate) == "0/20"
    assert not kept.minimized


def test_schedule_that_is_not_obeyed_is_not_called_sure() -> None:
    box = Box(5, forgetful=True)
    start = torn_trial(box, evolve(BATCH, rounds=3))

    small = minimize(start, box)

    assert small.rate is not None
    assert small.rate.hits < 20 or small.plan.rounds == 1


@pytest.mark.parametrize("seed", range(4))
def test_rare_failure_of_parallel_threads_is_found_under_a_schedule(seed: int) -> None:
    box = Box(seed)
    noise = Rule(Action.SLEEP, chance=0.1, most_ns=1000)
    plan = evolve(BATCH, schedule=None, home=None, rules=(noise,), rounds=1)

    small = minimize(torn_trial(box, plan), box)

    assert set(small.plan.program) == {(GET,), (PUT,)}
    assert all(rule.is_pin for rule in small.plan.rules)
    assert str(small.rate) == "20/20"


def test_long_program_is_looked_for_under_schedules_when_it_is_short() -> None:
    box = Box(1)
    idle = tuple(Call("idle", f"{n:02x}") for n in range(20))
    program = ((*idle, GET), (*idle, PUT), idle)
    plan = evolve(BATCH, program=program, schedule=None, home=None, rounds=10)

    small = minimize(torn_trial(box, plan), box)

    assert set(small.plan.program) == {(GET,), (PUT,)}
    assert all(rule.is_pin for rule in small.plan.rules)


def test_candidate_that_misses_is_searched_for_again() -> None:
    box = Box(4)
    search = Search(torn_trial(box, BATCH), box, Meter(Effort()))
    serial = Plan("box", ((GET,), (PUT,)), seed=1, schedule=Schedule())

    found = by_turns(search, serial)

    assert found is not None
    assert is_exact(found.plan)
    assert [plan.schedule.then.name for plan in box.plans if plan.schedule][:2] == ["first", "pct"]


def test_other_switches_of_the_same_program_are_not_searched_for() -> None:
    box = Box(4)
    start = torn_trial(box, BATCH)
    search = Search(start, box, Meter(Effort()))

    assert by_turns(search, evolve(start.plan, schedule=Schedule(hooks=True), rounds=1)) is None
    assert len(box.plans) == 1


def test_long_rounds_make_short_batches() -> None:
    control = Box()(BATCH).evidence.control
    assert control is not None

    rounds = [next(drawn(BATCH, evolve(control, count=n))).rounds for n in (10, 10_000, 10**6)]

    assert rounds == [300, 20, 1]


def test_pairs_are_each_two_operations_at_each_home_the_old_one_first() -> None:
    found = list(pairs(torn_trial(Box(1), BATCH)))

    ops = [tuple(sorted(call.op for calls in plan.program for call in calls)) for plan in found]
    assert set(ops) == {("get", "idle"), ("get", "put"), ("idle", "idle"), ("idle", "put")}
    # Thread 1 was at home; in a pair it is the second when it comes with thread 0.
    assert [plan.home for plan in found[:2]] == [1, 1]
    assert len({(each, plan.home) for each, plan in zip(ops, found, strict=True)}) == 12
    assert all(plan.rounds == 1 and plan.schedule is not None for plan in found)


def test_pairs_get_the_same_arguments_first() -> None:
    program = ((Call("get", "01"), Call("get", "02")), (PUT, Call("idle", "03")))
    trial = torn_trial(Box(1), evolve(BATCH, program=program, home=None))

    entropies = [
        [(call.op, call.entropy) for calls in plan.program for call in calls]
        for plan in pairs(trial)
        if plan.home is None
    ]

    assert entropies == [
        [("get", "02"), ("idle", "02")],
        [("get", "02"), ("put", "")],
        [("get", "02"), ("idle", "03")],
    ]


def test_calls_of_two_threads_are_put_into_one() -> None:
    # Both puts are needed, but no third thread for them.
    class Twice(Box):
        def __call__(self, plan: Plan) -> Trial:
            trial = super().__call__(plan)
            puts = sum(call == PUT for calls in plan.program for call in calls)
            enough = puts == 2 and trial.outcome.signature is not None
            return trial if enough else evolve(trial, outcome=Outcome(Verdict.PASSED))

    box = Twice(1)
    start = torn_trial(box, evolve(BATCH, program=((GET,), (PUT,), (PUT,)), home=2))

    small = minimize(start, box)

    assert sorted(map(len, small.plan.program)) == [1, 2]


def test_switch_names_its_visit() -> None:
    # The fake and the shim agree on what a loose switch is.
    switch = Switch(0, "call:box:use+0x1", 1, Phase.BEFORE, 1)
    plan = Plan("box", ((GET,), (PUT,)), seed=1, schedule=Schedule(switches=(switch,)))

    assert Box()(plan).outcome.signature == TORN
    assert Box()(evolve(plan, schedule=Schedule())).outcome.signature is None
