"""Plan number i of a seed: always the same plan, within what the user allowed."""

from collections import Counter

import pytest
from attrs import evolve

from stressor.campaign.known import KnownSites
from stressor.campaign.portfolio import PAUSED_PER_TRIAL_NS, SHARES, Portfolio, chosen, paused_ns
from stressor.campaign.settings import Mode, Settings
from stressor.errors import UsageError
from stressor.model.bounds import check_plan
from stressor.model.evidence import Control, End, Ending, Evidence
from stressor.model.outcome import Outcome, Verdict
from stressor.model.plan import Allocator, Plan
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Trial
from stressor.schedules.registry import SCHEDULERS
from stressor.strategies import BY_NAME
from stressor.targets.harness import OperationInfo
from tests.unit.fake_turns import TornReads

GETS = (OperationInfo("get"), OperationInfo("put"))
OPERATIONS = (OperationInfo("get"), OperationInfo("put", has_arguments=True, weight=2.0))
SITES = (
    Site("call:m:PyDict_GetItem+0x1", Category.BORROWED_REF, (Phase.AFTER,), visits=3),
    Site("call:m:_Py_DecRefShared+0x2", Category.REFCOUNT, (Phase.BEFORE,), 9, may_detach=True),
)
ALL = Settings("t", seed=11, threads=5, calls=30, rounds=40)
SETTINGS = evolve(ALL, modes=(Mode.PERTURBED,))
CONTROLLED = evolve(ALL, modes=(Mode.CONTROLLED,))


def plans(
    settings: Settings = SETTINGS, sites: tuple[Site, ...] = SITES, many: int = 600
) -> list[Plan]:
    portfolio = Portfolio(settings, OPERATIONS)
    return [portfolio.plan(index, sites) for index in range(many)]


def test_number_decides_alone() -> None:
    again = Portfolio(SETTINGS, OPERATIONS)

    assert [again.plan(index, SITES) for index in reversed(range(600))] == plans()[::-1]


def test_another_seed_makes_other_plans() -> None:
    assert plans(evolve(SETTINGS, seed=12))[:5] != plans()[:5]


def test_plans_stay_within_what_was_allowed() -> None:
    for plan in plans():
        check_plan(plan)
        assert 2 <= plan.threads <= 5
        assert all(1 <= len(calls) <= 30 for calls in plan.program)
        assert 1 <= plan.rounds <= 40
        assert (plan.target, plan.modules, plan.limits) == ("t", (), SETTINGS.limits)


def test_all_of_the_portfolio_is_used() -> None:
    made = plans()

    strategies = Counter(plan.strategy.name for plan in made)
    assert set(strategies) == set(BY_NAME)
    assert strategies.most_common(1)[0][0] == "targeted"
    assert {plan.threads for plan in made} == {2, 3, 4, 5}
    # Shares of 600: 50 % and 70 %, three standard deviations are 6 %.
    assert 0.44 < sum(plan.allocator is Allocator.DEBUG for plan in made) / 600 < 0.56
    assert 0.64 < sum(plan.ledger for plan in made) / 600 < 0.76
    short = sum(max(map(len, plan.program)) <= 5 for plan in made) / 600
    assert short > 0.4


def test_every_strategy_has_a_share() -> None:
    assert set(SHARES) == set(BY_NAME)


def test_only_the_named_strategies_are_used() -> None:
    made = plans(evolve(SETTINGS, strategies=("edges", "none")))

    assert {plan.strategy.name for plan in made} == {"edges", "none"}


def test_strategy_with_nothing_to_act_on_is_replaced() -> None:
    made = plans(sites=())

    assert not {plan.strategy.name for plan in made} & {"targeted", "detach"}
    assert all(plan.rules for plan in made if plan.strategy.name != "none")


def test_named_strategy_with_nothing_to_act_on_still_makes_plans() -> None:
    made = plans(evolve(SETTINGS, strategies=("detach",)), sites=())

    assert {plan.rules for plan in made} == {()}


def test_unknown_strategy_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no strategy 'fuzzy'; there are: none, uniform.*, pct"):
        chosen(evolve(ALL, strategies=("none", "fuzzy")))


def test_both_modes_are_used_unless_one_is_asked_for() -> None:
    modes = Counter(plan.schedule is not None for plan in plans(ALL))

    # Half of 600, three standard deviations are 6 %.
    assert 0.44 < modes[True] / 600 < 0.56
    assert {plan.schedule is None for plan in plans(SETTINGS)} == {True}
    assert {plan.schedule is None for plan in plans(CONTROLLED)} == {False}


def test_named_strategies_choose_the_mode() -> None:
    assert chosen(evolve(ALL, strategies=("pct",))).modes == (Mode.CONTROLLED,)
    assert chosen(evolve(ALL, strategies=("edges",))).modes == (Mode.PERTURBED,)
    assert chosen(evolve(ALL, strategies=("edges", "pct"))).modes == tuple(Mode)


def test_strategy_of_the_other_mode_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="none of the strategies pct is for perturbed mode"):
        chosen(evolve(SETTINGS, strategies=("pct",)))


def test_controlled_plans_are_short_and_many_rounds() -> None:
    made = plans(CONTROLLED)

    for plan in made:
        check_plan(plan)
        assert plan.rules == ()
        assert 2 <= plan.threads <= 3
        assert all(1 <= len(calls) <= 30 for calls in plan.program)
        assert 1 <= plan.rounds <= 40
    assert sum(max(map(len, plan.program)) <= 4 for plan in made) > 500
    assert sum(plan.rounds > 4 for plan in made) > 450
    assert {plan.home for plan in made} == {None, 0, 1, 2}
    schedulers = {plan.schedule.then.name for plan in made if plan.schedule is not None}
    # Nothing was learnt, so feedback has nothing to change: it takes a random walk.
    assert schedulers == set(SCHEDULERS)


def test_choices_at_allocations_are_commoner_where_no_call_is_known() -> None:
    def hooked(sites: tuple[Site, ...]) -> int:
        made = plans(CONTROLLED, sites)
        return sum(plan.schedule is not None and plan.schedule.hooks for plan in made)

    assert 0 < 2 * hooked(SITES) < hooked(()) < 600


def test_numbers_of_the_schedulers_are_theirs() -> None:
    for plan in plans(CONTROLLED):
        assert plan.schedule is not None
        then = plan.schedule.then
        assert then.numbers.keys() <= SCHEDULERS[then.name].keys()
        if then.name == "surw":
            assert list(then.numbers) == [f"count{thread}" for thread in range(plan.threads)]


def test_lengths_of_earlier_trials_are_used() -> None:
    portfolio = Portfolio(evolve(CONTROLLED, strategies=("pct",)), OPERATIONS)
    for index in range(40):
        plan = portfolio.plan(index, SITES)
        control = Control((), 1000 * plan.calls)
        evidence = Evidence(Ending(End.EXITED), 1, control=control)
        portfolio.learn(Trial(plan, evidence, Outcome(Verdict.PASSED)))

    later = [portfolio.plan(index, SITES) for index in range(100, 200)]

    for plan in later:
        assert plan.schedule is not None
        assert plan.schedule.then.numbers["steps"] == 1000 * plan.calls


def test_feedback_changes_what_showed_something_new() -> None:
    portfolio, target = Portfolio(evolve(CONTROLLED, strategies=("feedback",)), GETS), TornReads()
    changed = []

    for index in range(200):
        plan = portfolio.plan(index, SITES)
        trial = target(plan)
        portfolio.learn(evolve(trial, outcome=Outcome(Verdict.PASSED)))
        assert plan.schedule is not None
        if plan.schedule.switches:
            changed.append(plan)
            check_plan(plan)

    assert len(changed) > 50
    assert {plan.strategy.name for plan in changed} == {"feedback"}


def test_failing_trials_teach_nothing() -> None:
    portfolio, target = Portfolio(evolve(CONTROLLED, strategies=("feedback",)), GETS), TornReads()

    for index in range(100):
        plan = portfolio.plan(index, SITES)
        portfolio.learn(evolve(target(plan), outcome=Outcome(Verdict.FAILED)))
        assert plan.schedule is not None
        assert plan.schedule.switches == ()


@pytest.mark.parametrize("allocator", Allocator)
def test_single_allocator_is_used_always(allocator: Allocator) -> None:
    assert {plan.allocator for plan in plans(evolve(SETTINGS, allocators=(allocator,)))} == {
        allocator
    }


def test_rounds_with_long_pauses_are_few() -> None:
    for plan in plans():
        assert plan.rounds * paused_ns(plan.rules, SITES) <= PAUSED_PER_TRIAL_NS or plan.rounds == 1


def test_what_is_known_does_not_depend_on_the_order_of_reports() -> None:
    busier = tuple(evolve(site, visits=site.visits * 10, acted=2) for site in SITES)
    one, other = KnownSites(), KnownSites(busier)

    assert one.add(SITES) == 2
    assert one.add(busier) == 0
    other.add(SITES)

    assert one.all() == other.all()
    assert [site.visits for site in one.all()] == [30, 90]
    assert len(one) == 2


def test_visits_are_remembered_per_round() -> None:
    known = KnownSites()

    known.add([evolve(SITES[0], visits=41)], rounds=20)

    assert [site.visits for site in known.all()] == [3]


def test_site_that_was_never_visited_is_not_known() -> None:
    assert KnownSites([evolve(SITES[0], visits=0)]).all() == ()


def test_slow_operations_make_short_trials() -> None:
    brief = evolve(SETTINGS, seconds=4.0)
    slow = Portfolio(brief, OPERATIONS, rehearsal_seconds=2.0)  # half a second for each call
    quick = Portfolio(brief, OPERATIONS, rehearsal_seconds=0.0001)

    for index in range(100):
        plan = slow.plan(index, SITES)
        assert plan.rounds == 1
        assert plan.calls == plan.threads
    assert any(quick.plan(index, SITES).calls > 20 for index in range(100))
