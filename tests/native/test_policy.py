"""Decisions are a pure function, and the shim's numbers are the model's."""

import math
import random
from itertools import product

import pytest

from stressor import _shim
from stressor.model import breach_record, record, schedule_record
from stressor.model.monitors import LAWS
from stressor.model.plan import Action, Rule, Until
from stressor.model.site import Category, Kind, Phase, key_hash
from tests.native.stage import rule_numbers

pytestmark = pytest.mark.native

SITE = key_hash("call:box:PyList_GetItem+0x11ae")
BEFORE, AFTER = 0, 1


def decide(
    *rules: Rule,
    seed: int = 1,
    number: int = 0,
    thread: int = 0,
    site: int = SITE,
    visit: int = 1,
    phase: int = BEFORE,
) -> tuple[Action, int]:
    numbers = [rule_numbers(rule) for rule in rules]
    action, ns = _shim.decide(seed, number, thread, site, visit, numbers, phase)
    return list(Action)[action], ns


def visits(count: int) -> list[dict[str, int]]:
    """Places to decide at, drawn from a fixed seed."""
    draw = random.Random(20260901)
    return [
        {
            "seed": draw.getrandbits(64),
            "number": draw.randrange(100),
            "thread": draw.randrange(64),
            "site": draw.getrandbits(64),
            "visit": draw.randrange(1, 10_000),
            "phase": draw.randrange(2),
        }
        for _ in range(count)
    ]


def test_the_record_has_the_layout_that_the_reader_expects() -> None:
    sizes = {
        "record": record.RECORD_SIZE,
        "crash": record._CRASH.size,
        "loss": record._LOSS.size,
        "module": record._MODULE.size,
        "site": record._SITE.size,
        "lane": record.LANE_SIZE,
        "event": record._EVENT.size,
        "breach": breach_record.BREACH.size,
        "control": schedule_record.SIZE,
        "step": schedule_record.STEP.size,
        "wait": schedule_record.WAIT.size,
    }
    offsets = {
        "record.threads": 16,
        "record.strangers": record._HEAD.size - 8,
        "record.crash": record.CRASH_AT,
        "record.losses": record.LOSSES_AT,
        "record.breaches": record.BREACHES_AT,
        "record.modules": record.MODULES_AT,
        "record.sites": record.SITES_AT,
        "record.lanes": record.LANES_AT,
        "record.control": record.CONTROL_AT,
        "lane.before": record.BEFORE_AT,
        "lane.after": record.AFTER_AT,
        "lane.ring": record.RING_AT,
        "control.deadlock": schedule_record.DEADLOCK_AT,
        "control.diverged_at": schedule_record.DEPARTED_AT,
        "control.diverged_step": schedule_record.DEPARTED_STEP_AT,
        "control.waits": schedule_record.WAITS_AT,
        "control.log": schedule_record.STEPS_AT,
    }
    assert _shim.laws() == [law.name for law in LAWS]
    assert _shim.layout() == {f"size.{name}": size for name, size in sizes.items()} | offsets


def test_enums_are_numbered_as_the_model_orders_them() -> None:
    # In the order of the catalogue: what can be redirected comes last, and may have a slot too.
    by_name = {symbol["name"]: symbol for symbol in reversed(_shim.catalogue())}
    expected = {
        "PyMutex_Lock": (Kind.CALL, Category.LOCK),
        "_Py_DecRefShared": (Kind.CALL, Category.REFCOUNT),
        "PyEval_SaveThread": (Kind.CALL, Category.THREAD_STATE),
        "PyCriticalSection_Begin": (Kind.CALL, Category.CRITICAL_SECTION),
        "PyList_GetItem": (Kind.CALL, Category.BORROWED_REF),
        "PyList_Append": (Kind.CALL, Category.CONTAINER),
        "PyMem_Malloc": (Kind.CALL, Category.MEMORY),
        "PyObject_GC_Track": (Kind.CALL, Category.COLLECTOR),
        "sem_wait": (Kind.BLOCK, Category.BLOCK),
        "_PyThreadState_Attach": (Kind.REDIRECT, Category.THREAD_STATE),
    }
    found = {
        name: (list(Kind)[by_name[name]["kind"]], list(Category)[by_name[name]["category"]])
        for name in expected
    }
    assert found == expected
    # Actions: each one comes back as the number it went in with.
    until = Until(0, "op:target:act", 1)
    for action in Action:
        rule = Rule(action, until=until if action is Action.HOLD else None)
        assert decide(rule)[0] is action


@pytest.mark.parametrize(
    "key", ["", "op:target:act", "call:box:f+0x1f", "hook:destroy:größe", "x" * 999]
)
def test_keys_are_hashed_alike(key: str) -> None:
    assert _shim.key_hash(key) == key_hash(key)


def test_same_place_same_decision() -> None:
    rules = [
        Rule(Action.SPIN, chance=0.3, least_ns=10, most_ns=90_000),
        Rule(Action.YIELD, chance=0.5),
    ]
    places = visits(500)
    first = [decide(*rules, **place) for place in places]
    assert first == [decide(*rules, **place) for place in places]
    assert len({action for action, _ in first}) == 3


@pytest.mark.parametrize("number", ["seed", "number", "thread", "site", "visit", "phase"])
def test_every_part_of_the_place_matters(number: str) -> None:
    """With one part of the place changed, half of the decisions change.

    200 independent draws of 1/2 that all agree: 2**-200.
    """
    rule = Rule(Action.YIELD, chance=0.5)
    places = visits(200)
    changed = [place | {number: place[number] ^ 1} for place in places]
    differences = sum(
        decide(rule, **one) != decide(rule, **other)
        for one, other in zip(places, changed, strict=True)
    )
    assert 60 < differences < 140  # 5.7 standard deviations: misses with less than 2e-8


def test_a_chance_of_nought_never_acts_and_of_one_always() -> None:
    never, always = Rule(Action.YIELD, chance=0.0), Rule(Action.YIELD, chance=1.0)
    for place in visits(2000):
        assert decide(never, **place) == (Action.GO, 0)
        assert decide(always, **place)[0] is Action.YIELD


def test_a_chance_is_met() -> None:
    """10,000 draws at 1/4: 2,500 with a standard deviation of 43. Six of those miss 2e-9 of times."""
    rule = Rule(Action.YIELD, chance=0.25)
    acted = sum(decide(rule, **place)[0] is Action.YIELD for place in visits(10_000))
    assert abs(acted - 2500) < 6 * math.sqrt(10_000 * 0.25 * 0.75)


def test_rules_are_narrowed_by_phase_thread_and_visit() -> None:
    rule = Rule(Action.YIELD, phase=Phase.AFTER, thread=3, visit=7)
    for phase, thread, visit in product((BEFORE, AFTER), range(5), range(5, 10)):
        acts = decide(rule, phase=phase, thread=thread, visit=visit)[0] is Action.YIELD
        assert acts == ((phase, thread, visit) == (AFTER, 3, 7))


def test_the_first_rule_that_acts_wins() -> None:
    some, others = Rule(Action.YIELD, chance=0.4), Rule(Action.SPIN, least_ns=5, most_ns=5)
    for place in visits(300):
        alone = decide(some, **place)
        assert decide(some, others, **place) == (
            alone if alone[0] is Action.YIELD else (Action.SPIN, 5)
        )


def test_taking_a_rule_away_leaves_what_the_others_decide() -> None:
    rules = [
        Rule(Action.SPIN, chance=0.2, least_ns=n, most_ns=1000 * n, thread=thread)
        for n, thread in product((1, 10, 100), (None, 1))
    ]
    for place in visits(200):
        alone = [decide(rule, **place) for rule in rules]
        for gone in range(len(rules)):
            rest = [one for i, one in enumerate(alone) if i != gone]
            left = [rule for i, rule in enumerate(rules) if i != gone]
            expected = next((one for one in rest if one[0] is Action.SPIN), (Action.GO, 0))
            assert decide(*left, **place) == expected


@pytest.mark.parametrize(
    ("least", "most"), [(0, 0), (0, 1), (7, 7), (1000, 1500), (1, 1_000_000_000), (300, 90_000)]
)
def test_delays_stay_in_their_range(least: int, most: int) -> None:
    rule = Rule(Action.SLEEP, least_ns=least, most_ns=most)
    drawn = [decide(rule, **place)[1] for place in visits(3000)]
    assert min(drawn) >= least
    assert max(drawn) <= most


def test_short_and_long_delays_are_equally_likely() -> None:
    """20 octaves, 20,000 draws: 1,000 each with a standard deviation of 31.

    Seven of those miss 20 times 3e-12. The last octave is cut short by the range and must be as
    full as the others, without a heap at its end.
    """
    least = 100
    most = least * 2**19 + 999
    rule = Rule(Action.SLEEP, least_ns=least, most_ns=most)
    drawn = [decide(rule, **place)[1] for place in visits(20_000)]
    octaves = [0] * 20
    for ns in drawn:
        octaves[int(math.log2(ns / least))] += 1
    assert all(abs(count - 1000) < 7 * 31 for count in octaves)
    assert drawn.count(most) < 20  # one of a thousand numbers in the last octave


def test_a_hold_is_as_long_as_its_deadline() -> None:
    rule = Rule(Action.HOLD, least_ns=5, most_ns=7000, until=Until(1, "op:target:act", 1))
    assert {decide(rule, **place) for place in visits(50)} == {(Action.HOLD, 7000)}


GOOD = rule_numbers(Rule(Action.HOLD, most_ns=10, until=Until(0, "op:target:act", 1)))


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (0, 4, "selector kind"),
        (0, -1, "selector kind"),
        (2, 2, "phase"),
        (3, 64, "thread"),
        (3, -2, "thread"),
        (4, 0, "visit"),
        (4, 2**32, "visit"),
        (5, -1, "chance"),
        (5, 2**32 + 1, "chance"),
        (6, 6, "action"),
        (6, -1, "action"),
        (7, -1, "delay"),
        (7, 11, "delay"),  # more than the most
        (8, 1_000_000_001, "delay"),
        (9, 64, "thread"),
        (9, -1, "hold without a visit to wait for"),
        (11, 0, "hold without a visit to wait for"),
        (11, 2**32, "visit"),
        (12, 2, "hold without a visit to wait for"),
        (1, 2**64, "64 bits"),
        (7, -(2**63) - 1, "64 bits"),
    ],
)
def test_a_wrong_number_is_refused_by_name(place: int, value: int, says: str) -> None:
    numbers = (*GOOD[:place], value, *GOOD[place + 1 :])
    with pytest.raises(ValueError, match=says):
        _shim.decide(1, 0, 0, SITE, 1, [numbers], BEFORE)


@pytest.mark.parametrize("selector", [(2, 10), (2, -1), (3, 5), (3, 99)])
def test_a_category_or_kind_that_does_not_exist_is_refused(selector: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="selector value"):
        _shim.decide(1, 0, 0, SITE, 1, [(*selector, *GOOD[2:])], BEFORE)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([GOOD[:-1]], "13 numbers"),
        ([(*GOOD, 0)], "13 numbers"),
        ([list(GOOD)], "13 numbers"),
        ((GOOD,), "list of rules"),
    ],
)
def test_what_is_no_list_of_rules_is_refused(rules: list[tuple[int, ...]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _shim.decide(1, 0, 0, SITE, 1, rules, BEFORE)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError):
        _shim.decide(1, 0, 0, SITE, 1, [("0", *GOOD[1:])], BEFORE)  # type: ignore[arg-type] # on purpose
