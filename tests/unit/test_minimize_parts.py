"""The parts of minimizing by themselves: arithmetic, edits, exact delays, the share of a campaign."""

from random import Random

import pytest
from attrs import evolve, frozen

from stressor.minimize.edits import without_calls, without_rules, without_thread
from stressor.minimize.effort import Effort, Meter, Spent
from stressor.minimize.exact import MOST_RULES, delays_of, is_exact, written_out
from stressor.minimize.followup import GRACE_SECONDS, FollowUp
from stressor.minimize.odds import (
    WRONGLY_REJECTED,
    Quorum,
    Tally,
    chance_of_fewer,
    quorum,
    rounds_for,
)
from stressor.minimize.search import Search
from stressor.minimize.shrink import hasty
from stressor.minimize.surroundings import fewer_inner_functions
from stressor.model.evidence import Event
from stressor.model.plan import Action, Call, Plan, Rule, Until
from stressor.model.site import Phase
from stressor.model.trial import Trial
from tests.unit.fake_race import BUG, READ, WRITE, Odds, Race, failing_trial

A, B, C = Call("a"), Call("b"), Call("c")
ALWAYS = Odds(1.0, 1.0)


def at_visit(thread: int, visit: int, until: Until | None = None) -> Rule:
    action = Action.HOLD if until else Action.SLEEP
    return Rule(action, READ, Phase.AFTER, thread, visit, until=until)


PLAN = Plan(
    "t",
    ((A, B), (Call("read"), Call("read"), Call("read")), (Call("write"), C)),
    seed=1,
    rules=(
        at_visit(0, 1),
        at_visit(1, 3),
        at_visit(2, 1, Until(1, READ, 2)),
        at_visit(1, 1, Until(2, WRITE, 1)),
    ),
)


def trial_of(plan: Plan = PLAN) -> Trial:
    return failing_trial(Race(Random(1), ALWAYS), plan)


def as_it_is(search: Search, candidate: Plan) -> Trial:
    """Every candidate fails."""
    return evolve(search.best, plan=candidate)


def test_only_the_inner_functions_that_a_plan_names_are_redirected() -> None:
    rule = Rule(Action.SLEEP, "redirect:python:_Py_qsbr_poll+0x10", Phase.AFTER)
    pin = at_visit(0, 1, Until(1, "redirect:python:_PyThreadState_Attach+0x20", 2))
    race = Race(Random(1), ALWAYS)
    for rules, left in (((rule, pin), ("_PyThreadState_Attach", "_Py_qsbr_poll")), ((), ())):
        plan = evolve(PLAN, rules=(*PLAN.rules, *rules), runtime=("all",))
        search = Search(failing_trial(race, plan), race, Meter(Effort()), reproduce=as_it_is)
        fewer_inner_functions(search)
        assert search.best.plan.runtime == left


def test_quorum_rejects_an_equal_candidate_in_one_of_twenty_cases_at_most() -> None:
    for percent in range(10, 101):
        wanted = quorum(percent / 100)
        believed = min(percent / 100, 0.95)
        assert chance_of_fewer(wanted.hits, wanted.tries, believed) <= WRONGLY_REJECTED


def test_quorum_gets_shorter_with_a_sharper_failure() -> None:
    assert quorum(1.0) == Quorum(2, 3)
    assert quorum(0.5) == Quorum(2, 8)
    assert quorum(0.1) == Quorum(1, 29)
    assert quorum(0.0).tries == 30


def test_rounds_make_a_rare_failure_sure() -> None:
    assert rounds_for(1.0) == 1
    assert rounds_for(0.9) == 2
    # 1 - 0.99**390 = 0.9801, and one round less is not enough.
    assert rounds_for(0.01) == 390
    assert rounds_for(0.0) == 2000


def test_rate_per_round_counts_rounds_until_the_hit() -> None:
    tally = Tally().add(True, 3).add(False, 10).add(True, 7)

    assert (tally.hits, tally.runs, tally.misses, tally.rounds) == (2, 3, 1, 20)
    assert tally.per_round == 0.1


def test_crash_without_a_count_of_rounds_is_one_round() -> None:
    assert Tally().add(True, 0).rounds == 1


def test_dropping_a_thread_drops_its_rules_and_moves_the_others_down() -> None:
    small = without_thread(PLAN, 0)

    assert small.program == PLAN.program[1:]
    assert small.rules == (
        at_visit(0, 3),
        at_visit(1, 1, Until(0, READ, 2)),
        at_visit(0, 1, Until(1, WRITE, 1)),
    )


def test_dropping_a_thread_drops_pins_that_wait_for_it() -> None:
    assert without_thread(PLAN, 2).rules == (at_visit(0, 1), at_visit(1, 3))


def test_dropping_a_call_moves_later_visits_down() -> None:
    # Thread 1 reads once per call, so its third visit is the second without call 0.
    small = without_calls(trial_of(), 1, {0})

    assert small.program[1] == (Call("read"), Call("read"))
    assert small.rules == (
        at_visit(0, 1),
        at_visit(1, 2),
        at_visit(2, 1, Until(1, READ, 1)),
    )


def test_dropping_a_call_drops_the_visits_in_it() -> None:
    assert at_visit(1, 3) not in without_calls(trial_of(), 1, {2}).rules


def test_rules_are_dropped_by_place() -> None:
    assert without_rules(PLAN, 1, 3).rules == (PLAN.rules[0], PLAN.rules[3])


def test_delays_that_happened_become_rules_in_the_order_of_time() -> None:
    events = (
        (
            Event(0, 50, READ, 2, Phase.AFTER, Action.SLEEP, 123_456),
            Event(0, 70, READ, 3, Phase.AFTER),
        ),
        (
            Event(1, 10, WRITE, 1, Phase.BEFORE, Action.SPIN, 900),
            Event(-1, 20, WRITE, 9, Phase.BEFORE, Action.SLEEP, 5),
        ),
    )
    noise = Rule(Action.SLEEP, "*", chance=0.5, least_ns=1, most_ns=10**6)
    trial = trial_of(evolve(PLAN, rules=(noise,)))
    trial = evolve(trial, evidence=evolve(trial.evidence, events=events))

    spin, sleep = delays_of(trial)

    assert (spin.thread, spin.site, spin.visit, spin.most_ns) == (1, WRITE, 1, 900)
    # Two digits are enough, and never less than what happened.
    assert (sleep.action, sleep.least_ns, sleep.most_ns) == (Action.SLEEP, 130_000, 130_000)
    assert is_exact(spin)
    assert not is_exact(noise)
    assert [plan.rules for plan in written_out(trial)] == [(spin, sleep)]


def test_many_delays_are_cut_to_the_longest() -> None:
    events = tuple(
        Event(0, visit, READ, visit, Phase.AFTER, Action.SPIN, visit) for visit in range(1, 500)
    )
    trial = trial_of(evolve(PLAN, rules=(Rule(Action.SPIN, chance=0.5),)))
    trial = evolve(trial, evidence=evolve(trial.evidence, events=(events,)))

    delays = delays_of(trial)

    assert len(delays) == MOST_RULES
    assert delays[0].visit == 500 - MOST_RULES


def test_exact_plan_is_not_written_out_again() -> None:
    exact = evolve(PLAN, rules=(evolve(at_visit(1, 1), least_ns=5, most_ns=5),))

    assert list(written_out(trial_of(exact))) == []


def test_meter_charges_until_it_is_spent() -> None:
    meter = Meter(Effort(10.0, 2), clock=lambda: 0.0)

    meter.charge()
    meter.charge()
    with pytest.raises(Spent):
        meter.charge()
    assert meter.executions == 2


def test_hang_is_tried_with_a_part_of_the_deadline_and_kept_with_the_whole() -> None:
    race = Race(Random(1), ALWAYS)

    trial = hasty(race)(PLAN)

    assert race.plans[0].limits.seconds == 1.0
    assert trial.plan == PLAN


@frozen
class Budget:
    seconds_left: float | None
    overtime: float = 0.0
    stopped: bool = False


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        (Budget(None), 60.0),
        (Budget(600.0), 60.0),
        (Budget(90.0), 30.0),
        (Budget(3.0), 10.0),
        (Budget(0.0), 10.0),
        (Budget(0.0, overtime=11.0), 6.0),
        (Budget(0.0, overtime=GRACE_SECONDS), 0.0),
    ],
)
def test_share_of_the_campaign(budget: Budget, seconds: float) -> None:
    assert FollowUp(Effort(), budget)._seconds() == seconds


def test_a_share_of_a_command_has_its_own_grace() -> None:
    # Searching, and half as much for measuring, are six seconds together.
    assert FollowUp(Effort(), Budget(2.0), grace=4.0)._seconds() == 4.0
    assert FollowUp(Effort(), Budget(0.0, overtime=3.0), grace=3.0)._seconds() == 0.0


def test_without_time_a_failure_stays_as_it_was_found() -> None:
    race = Race(Random(1), ALWAYS)
    trial = failing_trial(race, PLAN)
    race.runs = 0

    kept = FollowUp(Effort(), Budget(0.0, overtime=60.0))(trial, race, lambda doing: None)

    assert kept is trial
    assert race.runs == 0


def test_following_up_says_what_it_does() -> None:
    race = Race(Random(1), ALWAYS)
    told: list[str] = []

    small = FollowUp(Effort(), Budget(None))(
        failing_trial(race, evolve(PLAN, rules=())), race, told.append
    )

    assert small.minimized
    assert all(text.startswith(f"minimizing {BUG}: ") for text in told)
    assert any("leaving out threads" in text for text in told)


def test_a_limit_says_what_it_was() -> None:
    effort = Effort(seconds=60.0, executions=3)
    runs = Meter(effort, lambda: 0.0, executions=3)
    assert runs.limit == "as far as 3 runs allowed"
    clock = iter([0.0, 70.0])
    late = Meter(effort, lambda: next(clock))
    assert late.limit == "as far as 60 seconds allowed"
    assert Meter(effort, lambda: 0.0, lambda: True).limit == "until it was stopped"
