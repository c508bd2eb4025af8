"""Rules, sites and durations in words; which events are worth a line."""

import pytest
from attrs import evolve

from stressor.model.evidence import Event, Loss
from stressor.model.plan import Action, Rule, Schedule, Spec, Until
from stressor.model.site import Category, Phase, Site
from stressor.report.timeline import MOST_ROWS, timeline
from stressor.report.words import duration, ordinal, rule_words, site_words, size_words
from tests.unit.trials import CRASHED, EVIDENCE, GET, SET

SITES = {
    GET: Site(GET, Category.BORROWED_REF, (), function="get+0x1c", source="ext.c:7"),
}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            Rule(Action.SLEEP, GET, Phase.AFTER, 1, most_ns=300_000, least_ns=300_000),
            "thread 1 sleeps 300 us after PyList_GetItem in get+0x1c (ext.c:7) at every visit",
        ),
        (
            Rule(Action.SPIN, "*", None, None, None, 0.25, 200, 20_000),
            "each thread spins 200 ns to 20 us before and after any site at every visit "
            "with a chance of 0.25",
        ),
        (
            Rule(Action.DETACH, "category:refcount", Phase.BEFORE, 0, 2, most_ns=10**6),
            "thread 0 detaches for up to 1 ms before any refcount site (2nd visit)",
        ),
        (
            Rule(Action.YIELD, "kind:block", Phase.AFTER),
            "each thread yields after any block site at every visit",
        ),
        (
            Rule(
                Action.HOLD,
                GET,
                Phase.AFTER,
                0,
                3,
                most_ns=50_000_000,
                until=Until(1, "op:target:push", 1, Phase.BEFORE),
            ),
            "thread 0 waits after PyList_GetItem in get+0x1c (ext.c:7) (3rd visit) until thread 1 "
            "has reached operation push (1st visit) (at most 50 ms)",
        ),
    ],
)
def test_a_rule_in_words(rule: Rule, words: str) -> None:
    assert rule_words(rule, SITES) == words


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (GET, "PyList_GetItem in get+0x1c (ext.c:7)"),
        (SET, "PyList_SetItem in _csv+0x2345"),
        ("op:target:push", "operation push"),
        ("hook:destroy:tuple", "destroy of tuple"),
        ("nonsense", "nonsense in "),
        ("call:m:\x1b[2J+0x1", "\\x1b[2J in m+0x1"),
    ],
)
def test_a_site_in_words(key: str, words: str) -> None:
    assert site_words(key, SITES) == words


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 us"),
        (1_500_000, "1.5 ms"),
        (12_500_000_000, "12.5 s"),
        (4_200_000_000_000, "4200 s"),
    ],
)
def test_a_duration_in_words(ns: int, words: str) -> None:
    assert duration(ns) == words


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)
    words = ("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th")
    assert tuple(map(ordinal, numbers)) == words


def noise(thread: int, count: int) -> tuple[Event, ...]:
    site = "call:m:f+0x9"
    return tuple(Event(thread, 100 + n, site, n + 1, Phase.BEFORE) for n in range(count))


def test_what_tells_is_not_crowded_out_by_what_does_not() -> None:
    slept = Event(0, 1, "call:m:g+0x1", 1, Phase.AFTER, Action.SLEEP, 5000)
    evidence = evolve(EVIDENCE, events=((slept, *noise(0, 500)), noise(1, 500)))
    lines = timeline(evolve(CRASHED, evidence=evidence), {})
    assert lines[1] == "<- g in m+0x1, slept 5 us"
    assert len(lines) == 1 + MOST_ROWS


def test_a_hold_that_gave_up_says_so() -> None:
    gave_up = Event(0, 1, GET, 1, Phase.AFTER, Action.HOLD, 10**7, expired=True)
    lines = timeline(evolve(CRASHED, evidence=evolve(EVIDENCE, events=((gave_up,),))), SITES)
    assert " ".join(lines[1:]) == "<- PyList_GetItem in get+0x1c, gave up after 10 ms"


def test_a_lost_borrow_ends_the_story() -> None:
    lost = Event(0, 300, GET, 2, Phase.AFTER)
    before, after = noise(1, 3), tuple(evolve(event, at=event.at + 900) for event in noise(0, 50))
    loss = Loss(GET, 0, 2, "str", 1, "counted")
    evidence = evolve(EVIDENCE, events=((lost, *after), before), losses=(loss,))
    lines = timeline(evolve(CRASHED, evidence=evidence), SITES)
    assert len(lines) == 1 + len(before) + 1 + 2
    assert lines[-3].startswith("<- PyList_GetItem in get+0x1c")


def test_threads_that_matter_come_before_the_others() -> None:
    events = tuple(noise(thread, 3) for thread in range(9))
    crowd = evolve(CRASHED, evidence=evolve(EVIDENCE, events=events))
    failure = evolve(CRASHED.outcome.failures[0], thread=7)
    outcome = evolve(CRASHED.outcome, failures=(failure,))
    heading = timeline(evolve(crowd, outcome=outcome), {})[0]
    # The thread that failed, those of the pin, and one more.
    assert {int(word) for word in heading.split("thread ")[1:]} == {0, 1, 2, 7}


def test_without_events_there_is_nothing_to_show() -> None:
    assert timeline(evolve(CRASHED, evidence=evolve(EVIDENCE, events=((), ()))), {}) == []


def test_what_threads_do_outside_of_their_calls_is_left_out_of_the_timeline() -> None:
    waits = "block:python:sched_yield+0x1"
    own = (
        Event(0, 10, "op:target:pull", 1, Phase.BEFORE, call=0),
        Event(0, 30, GET, 3, Phase.AFTER, Action.HOLD, call=0),
        Event(0, 40, waits, 1, Phase.BEFORE),
    )
    lines = timeline(evolve(CRASHED, evidence=evolve(EVIDENCE, events=(own,))), SITES)
    assert [line.strip() for line in lines] == [
        "thread 0",
        "-> operation pull",
        "<- PyList_GetItem in get+0x1c",
    ]


def test_the_size_of_a_plan() -> None:
    assert size_words(CRASHED.plan) == "2 threads, 2 calls, 1 pin, 20 rounds"
    noisy = evolve(CRASHED.plan, rules=(Rule(Action.SLEEP, "*"),) * 2, rounds=1)
    assert size_words(noisy) == "2 threads, 2 calls, 2 delays, 1 round"
    turns = evolve(noisy, rules=(), schedule=Schedule(Spec("walk")))
    assert (
        size_words(turns) == "2 threads, 2 calls, 0 switches, strategy walk for the rest, 1 round"
    )
