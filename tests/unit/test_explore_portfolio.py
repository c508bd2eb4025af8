"""Plan number i of a seed: always the same plan, within what the user allowed."""

from collections import Counter

import pytest
from attrs import evolve

from stressor.campaign.known import KnownSites
from stressor.campaign.portfolio import PAUSED_PER_TRIAL_NS, SHARES, Portfolio, chosen, paused_ns
from stressor.campaign.settings import Settings
from stressor.errors import UsageError
from stressor.model.bounds import check_plan
from stressor.model.plan import Allocator, Plan
from stressor.model.site import Category, Phase, Site
from stressor.strategies import BY_NAME
from stressor.targets.harness import OperationInfo

OPERATIONS = (OperationInfo("get"), OperationInfo("put", has_arguments=True, weight=2.0))
SITES = (
    Site("call:m:PyDict_GetItem+0x1", Category.BORROWED_REF, (Phase.AFTER,), visits=3),
    Site("call:m:_Py_DecRefShared+0x2", Category.REFCOUNT, (Phase.BEFORE,), 9, may_detach=True),
)
SETTINGS = Settings("t", seed=11, threads=5, calls=30, rounds=40)


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
    with pytest.raises(UsageError, match="no strategy 'pct'; there are: none, uniform"):
        chosen(("none", "pct"))


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
