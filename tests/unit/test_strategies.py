"""Every strategy: same generator and sites, same rules; rules that are possible and affordable."""

from random import Random

import pytest

from stressor.model.bounds import check_plan
from stressor.model.plan import Action, Call, Plan, Rule
from stressor.model.site import Category, Kind, Phase, Site
from stressor.strategies import BY_NAME, STRATEGIES, Strategy
from stressor.strategies.delays import ATTACHED_MOST_NS, PAUSES_PER_ROUND, SPIN_MOST_NS
from stressor.strategies.edges import MOST_NS as EDGE_MOST_NS

BOTH = (Phase.BEFORE, Phase.AFTER)
GET = Site("call:mod:PyDict_GetItem+0x1", Category.BORROWED_REF, (Phase.AFTER,), visits=4)
DROP = Site("call:mod:_Py_DecRefShared+0x2", Category.REFCOUNT, BOTH, visits=900, may_detach=True)
LOCK = Site("call:mod:PyMutex_Lock+0x3", Category.LOCK, BOTH, visits=1)
DESTROY = Site("hook:destroy:tuple", Category.MEMORY, (Phase.BEFORE,), visits=30)
OPERATION = Site("op:target:get", Category.OP, BOTH, visits=8)
WAIT = Site("block:python:sem_wait+0x4", Category.BLOCK, BOTH, visits=2)
SITES = (WAIT, GET, LOCK, DROP, DESTROY, OPERATION)
KEYS = {site.key: site for site in SITES}

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)


def many(strategy: Strategy, sites: tuple[Site, ...] = SITES) -> list[tuple[Rule, ...]]:
    return [strategy.rules(Random(seed), sites) for seed in range(200)]


def every_rule(strategy: Strategy, sites: tuple[Site, ...] = SITES) -> list[Rule]:
    return [rule for rules in many(strategy, sites) for rule in rules]


def test_names_are_those_of_the_registry() -> None:
    assert list(BY_NAME) == ["none", "uniform", "weighted", "targeted", "detach", "hooks", "edges"]


@every_strategy
def test_same_seed_and_sites_give_the_same_rules(strategy: Strategy) -> None:
    assert many(strategy) == many(strategy)


@every_strategy
def test_rules_are_possible(strategy: Strategy) -> None:
    for rules in many(strategy):
        check_plan(Plan("t", ((Call("get"),),), 1, rules=rules))


@every_strategy
def test_no_site_known_is_no_error(strategy: Strategy) -> None:
    many(strategy, ())


@every_strategy
def test_threads_are_those_that_every_program_has(strategy: Strategy) -> None:
    assert {rule.thread for rule in every_rule(strategy)} <= {None, 0, 1}


@every_strategy
def test_short_pauses_spin_and_none_holds_up_the_world(strategy: Strategy) -> None:
    for rule in every_rule(strategy):
        longest_spin = EDGE_MOST_NS if strategy.name == "edges" else SPIN_MOST_NS
        if rule.action is Action.SPIN:
            assert rule.most_ns <= longest_spin
        if rule.action is Action.SLEEP:
            assert rule.most_ns > SPIN_MOST_NS
            assert rule.most_ns <= ATTACHED_MOST_NS


@every_strategy
def test_named_sites_are_known_and_act_on_a_side_they_have(strategy: Strategy) -> None:
    for rule in every_rule(strategy):
        if rule.site in KEYS:
            assert rule.phase in KEYS[rule.site].phases


@every_strategy
def test_only_flagged_sites_are_detached(strategy: Strategy) -> None:
    detached = [rule for rule in every_rule(strategy) if rule.action is Action.DETACH]
    assert bool(detached) == (strategy.name == "detach")
    assert all(KEYS[rule.site].may_detach for rule in detached)


def test_plain_stress_has_no_rules() -> None:
    assert not every_rule(BY_NAME["none"])


def test_targeted_picks_few_windows_and_reaches_all_of_them() -> None:
    chosen = many(BY_NAME["targeted"])

    assert {len(rules) for rules in chosen} == {1, 2, 3, 4}
    windows = {(rule.site, rule.phase) for rules in chosen for rule in rules}
    # 200 plans of two windows on average; the rarest of the 10 is DROP (900 visits) with a weight of
    # 2 / 10.8 of about 5, half on each side: it is missed by all with (1 - 0.037)**400 < 1e-6.
    assert windows == {(site.key, phase) for site in SITES for phase in site.phases}
    assert all(len({rule.site for rule in rules}) == len(rules) for rules in chosen)


def test_targeted_pauses_usually_in_one_thread_and_for_long() -> None:
    rules = every_rule(BY_NAME["targeted"])

    alone = sum(rule.thread is not None for rule in rules) / len(rules)
    assert 0.7 < alone < 0.9
    assert all(50_000 <= rule.least_ns <= rule.most_ns for rule in rules)
    assert max(rule.most_ns for rule in rules) > 2_000_000


def test_busy_site_is_paused_a_few_times_a_round_only() -> None:
    for name in ("targeted", "detach"):
        for rule in every_rule(BY_NAME[name]):
            assert rule.chance * KEYS[rule.site].visits <= 1.1 * PAUSES_PER_ROUND


def test_borrowed_reference_is_paused_after_the_return() -> None:
    every_side = Site(GET.key, Category.BORROWED_REF, BOTH, visits=4)

    rules = every_rule(BY_NAME["targeted"], (every_side,))

    assert {rule.phase for rule in rules} == {Phase.AFTER}


def test_rare_site_gets_its_turn_beside_a_busy_one() -> None:
    busy = Site("call:mod:PyMutex_Lock+0x9", Category.LOCK, BOTH, visits=100_000)

    rules = every_rule(BY_NAME["targeted"], (busy, LOCK))

    rare = sum(rule.site == LOCK.key for rule in rules)
    assert rare > len(rules) / 2


def test_detach_has_nothing_to_do_without_a_flagged_site() -> None:
    assert not every_rule(BY_NAME["detach"], (GET, LOCK))


def test_hooks_act_on_hooks_alone() -> None:
    for rule in every_rule(BY_NAME["hooks"]):
        assert rule.site == "kind:hook" or KEYS[rule.site].kind is Kind.HOOK


def test_edges_offset_the_start_of_operations() -> None:
    for rule in every_rule(BY_NAME["edges"]):
        assert (rule.site, rule.phase) == ("kind:op", Phase.BEFORE)


def test_weighted_is_strongest_after_a_borrowing_call() -> None:
    for rules in many(BY_NAME["weighted"]):
        chances = {(rule.site, rule.phase): rule.chance for rule in rules}
        assert chances["category:borrowed-ref", Phase.AFTER] == max(chances.values())
