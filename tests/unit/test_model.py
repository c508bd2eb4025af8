"""The nouns: names that survive, identities that are safe as file names, costs in the right order."""

import pytest
from attrs import evolve

from stressor.model.cost import cost
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action, Allocator, Call, Plan, Rule, Schedule, Spec, Switch, Until
from stressor.model.site import Category, Kind, Phase, Site, key_hash
from stressor.model.trial import Rate

PLAN = Plan("target.py", ((Call("pull"), Call("push", "0a0b")), (Call("pull"),)), seed=1)
DELAY = Rule(Action.SLEEP, most_ns=1000)
PIN = Rule(Action.HOLD, most_ns=1000, until=Until(1, "call:m:f+0x1", 1))
SWITCH = Switch(0, "call:m:f+0x1", 1, Phase.AFTER, to=1)
GOES_ON = evolve(SWITCH, to=0)
AT_END = Switch(0, "", 0, Phase.BEFORE, to=1)


def controlled(*switches: Switch, then: str = "first", hooks: bool = False) -> Plan:
    return evolve(PLAN, schedule=Schedule(Spec(then), switches, hooks))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0xCBF29CE484222325),
        ("a", 0xAF63DC4C8601EC8C),
        ("foobar", 0x85944171F73967E8),
    ],
)
def test_key_hash_is_fnv_1a(text: str, value: int) -> None:
    assert key_hash(text) == value


def test_a_call_site_tells_its_parts() -> None:
    site = Site("call:_csv:PyList_GetItem+0x1a2b", Category.BORROWED_REF, (Phase.AFTER,))
    assert (site.kind, site.module, site.symbol) == (Kind.CALL, "_csv", "PyList_GetItem")
    assert site.offset == 0x1A2B


def test_an_operation_site_has_no_offset() -> None:
    site = Site("op:target:add+0xyz", Category.OP, ())
    assert (site.symbol, site.offset) == ("add+0xyz", None)


def test_a_malformed_key_is_no_crash() -> None:
    site = Site("nonsense", Category.OP, ())
    assert (site.module, site.symbol, site.offset) == ("", "nonsense", None)


@pytest.mark.parametrize("where", ["../../etc/passwd", "a/b\\c", "", "x" * 500, "\x1b[31m", "op é"])
def test_a_slug_is_a_safe_folder_name(where: str) -> None:
    slug = Signature(FailureKind.CRASH, where).slug()
    assert len(slug) <= 80
    assert slug.replace("-", "").isalnum()
    assert slug.isascii()
    assert not slug.startswith(".")


def test_slugs_differ_where_only_the_hash_can_tell() -> None:
    assert Signature(FailureKind.CRASH, "a/b").slug() != Signature(FailureKind.CRASH, "a-b").slug()
    with_detail = Signature(FailureKind.EXCEPTION, "a", "KeyError")
    assert with_detail.slug() != evolve(with_detail, detail="ValueError").slug()


def test_the_signature_is_that_of_the_first_failure() -> None:
    first, second = Signature(FailureKind.CRASH, "a"), Signature(FailureKind.GIL, "b")
    outcome = Outcome(Verdict.FAILED, (Failure(first, ""), Failure(second, "")))
    assert outcome.signature == first
    assert Outcome(Verdict.PASSED).signature is None


def test_counts_of_a_plan() -> None:
    assert (PLAN.threads, PLAN.calls) == (2, 3)
    assert str(Rate(19, 20)) == "19/20"


@pytest.mark.parametrize(
    ("cheaper", "dearer"),
    [
        # Fewer threads, whatever else grows.
        (evolve(PLAN, program=(PLAN.program[0] * 9,)), PLAN),
        (evolve(PLAN, program=((Call("pull"),), (Call("pull", "ff" * 99),))), PLAN),
        (evolve(PLAN, program=((Call("pull"), Call("push", "0a")), (Call("pull"),))), PLAN),
        (evolve(PLAN, program=((Call("pull"), Call("push", "0a00")), (Call("pull"),))), PLAN),
        (PLAN, evolve(PLAN, rules=(DELAY,))),
        (evolve(PLAN, rules=(PIN,)), evolve(PLAN, rules=(DELAY,))),
        (evolve(PLAN, rules=(DELAY,), rounds=99), evolve(PLAN, rules=(DELAY, DELAY))),
        (
            evolve(PLAN, rules=(evolve(DELAY, thread=1, most_ns=10**6),)),
            evolve(PLAN, rules=(DELAY,)),
        ),
        (evolve(PLAN, rules=(evolve(DELAY, most_ns=10),)), evolve(PLAN, rules=(DELAY,))),
        (PLAN, evolve(PLAN, rounds=2)),
        (PLAN, evolve(PLAN, allocator=Allocator.DEBUG)),
        (PLAN, evolve(PLAN, home=0)),
        # A pin needs no turnstile, and a switch says more than a delay.
        (PLAN, controlled()),
        (evolve(PLAN, rules=(PIN, PIN)), controlled(SWITCH, SWITCH)),
        (controlled(SWITCH, SWITCH), evolve(PLAN, rules=(PIN, PIN, PIN))),
        (controlled(SWITCH, SWITCH), evolve(PLAN, rules=(DELAY, DELAY))),
        # What a scheduler draws can be spelled out, at any length.
        (controlled(*[SWITCH] * 99), controlled(then="pct")),
        (evolve(PLAN, rules=(DELAY,) * 99), controlled(then="walk")),
        (controlled(SWITCH), controlled(SWITCH, SWITCH)),
        # Only giving the turn away at a visit raises a question.
        (controlled(AT_END, GOES_ON, GOES_ON), controlled(SWITCH)),
        (controlled(SWITCH), controlled(SWITCH, GOES_ON)),
        (controlled(SWITCH), controlled(evolve(SWITCH, step=0))),
        (controlled(SWITCH, GOES_ON), controlled(evolve(SWITCH, step=7))),
        (controlled(SWITCH), controlled(SWITCH, hooks=True)),
    ],
)
def test_costs_in_the_order_in_which_they_weigh(cheaper: Plan, dearer: Plan) -> None:
    assert cost(cheaper) < cost(dearer)


def test_seed_and_target_cost_nothing() -> None:
    assert cost(evolve(PLAN, seed=99, target="other.py")) == cost(PLAN)


def test_a_rule_with_a_chance_or_any_site_is_broader_than_a_named_visit() -> None:
    named = evolve(DELAY, site="call:m:f+0x1", phase=Phase.AFTER, thread=0, visit=1)
    assert cost(evolve(PLAN, rules=(named,))).breadth == 0
    assert cost(evolve(PLAN, rules=(evolve(named, chance=0.5),))).breadth == 1
    assert cost(evolve(PLAN, rules=(evolve(named, site="category:lock"),))).breadth == 1
