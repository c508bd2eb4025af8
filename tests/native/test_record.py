"""What is written to the record: rings, rounds, totals, and the bounds of every table."""

from pathlib import Path

import pytest

from stressor.model.plan import Action
from tests.native.children import Seen, Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import rounds as scenes

pytestmark = [pytest.mark.native, pytest.mark.slow]

RING = 2048


@pytest.fixture
def callers(extensions: Extensions) -> Path:
    return extensions.build("callers")


def test_a_ring_keeps_the_last_events(theatre: Theatre, callers: Path) -> None:
    calls = 5000
    seen = theatre.play(scenes.fill_ring, calls, needs=[callers])
    long, short = seen.reading.events
    assert len(long) == RING
    assert seen.reading.lanes[0].events == 2 * calls + 2
    # The last one is the operation's end; before it both sides of the last visits.
    assert [event.visit for event in long[-5:]] == [calls - 1, calls - 1, calls, calls, 1]
    assert long[-1].site == "op:target:act"
    assert [event.visit for event in short] == [1, 1, 1, 2, 2, 3, 3, 1]
    assert [event.phase.value for event in short] == ["before", "before", "after"] + [
        "before",
        "after",
    ] * 2 + ["after"]
    assert {event.call for event in short} == {0}
    assert seen.visits("PyList_GetItem") == calls + 3


def test_order_stamps_never_go_back(theatre: Theatre, callers: Path) -> None:
    seen = theatre.play(scenes.order, 800, needs=[callers])
    calls = [
        [event.at for event in events if event.site.startswith("call:")]
        for events in seen.reading.events
    ]
    assert [len(stamps) for stamps in calls] == [2 * 800] * 4
    # Neither within a thread nor from one thread to the next that was held for it.
    everything = [at for stamps in calls for at in stamps]
    assert everything == sorted(everything)
    assert not [event for events in seen.reading.events for event in events if event.expired]


def test_a_round_begins_with_nothing_and_totals_add_up(theatre: Theatre, callers: Path) -> None:
    rounds, calls = 7, 20
    seen = theatre.play(scenes.play_rounds, rounds, calls, needs=[callers])
    reading = seen.reading
    assert reading.round == rounds - 1
    assert seen.visits("PyList_GetItem") == rounds * 2 * calls
    assert [lane.finished for lane in reading.lanes] == [1, 1]
    assert [lane.call for lane in reading.lanes] == [-1, -1]
    (site,) = [site for site in reading.sites if site.symbol == "PyList_GetItem"]
    last = [event for events in reading.events for event in events if event.site == site.key]
    assert max(event.visit for event in last) == calls
    yielded = sum(event.action is Action.YIELD for event in last)
    assert 0 < yielded < len(last)
    assert yielded < site.acted < rounds * 4 * calls
    assert reading.progress > rounds * 2 * calls


def test_same_seed_same_round_same_decisions(theatre: Theatre, callers: Path) -> None:
    def decided(seen: Seen) -> list[list[tuple[str, int, str, str]]]:
        return [
            [
                (event.site, event.visit, event.phase.value, event.action.value)
                for event in events
                if event.site.startswith("call:")
            ]
            for events in seen.reading.events
        ]

    runs = [decided(theatre.play(scenes.play_rounds, 3, 50, needs=[callers])) for _ in range(2)]
    assert runs[0] == runs[1]
    other = decided(theatre.play(scenes.play_rounds, 4, 50, needs=[callers]))
    assert other != runs[0]


@pytest.mark.parametrize(
    ("rules", "overflow"), [(0, ("sites",)), (3, ("sites",)), (20, ("sites", "rules"))]
)
def test_more_sites_than_there_is_room_for(
    theatre: Theatre, extensions: Extensions, rules: int, overflow: tuple[str, ...]
) -> None:
    seen = theatre.play(scenes.many_sites, rules, needs=[extensions.build("many")])
    assert seen.value == [0, 0, 0, 0]
    assert len(seen.reading.sites) == 4096
    assert set(seen.reading.overflow) == set(overflow)
    # Every visit moves the pulse, also those that found no room.
    assert seen.reading.progress >= 4 * 3 * 5000


def test_as_many_rules_as_there_may_be(theatre: Theatre, extensions: Extensions) -> None:
    seen = theatre.play(scenes.many_rules, 4096, needs=[extensions.build("many")])
    assert seen.reading.overflow == ("rules",)
    assert seen.visits("PyErr_Occurred") == 100
    ruled = [site for site in seen.reading.sites if site.acted]
    assert len(ruled) >= (1 << 16) // 4096 - 1


def test_what_is_too_large_or_too_early_is_refused(theatre: Theatre) -> None:
    said = theatre.play(scenes.refuse).value
    assert said.pop("negative thread").startswith("OverflowError")
    assert said == {
        "declare before arm": "RuntimeError: arm() first: it forgets all sites",
        "no threads": "ValueError: threads must be 1 to 64",
        "threads": "ValueError: threads must be 1 to 64",
        "rules": "ValueError: wanted a list of at most 4096 rules",
        "rules of the wrong type": "ValueError: wanted a list of at most 4096 rules",
        "parties": "ValueError: parties must be 1 to 65",
        "no parties": "ValueError: parties must be 1 to 65",
        "operations": "ValueError: wanted a list of at most 2048 strings",
        "thread": "ValueError: no such thread in the armed trial",
        "thread again": "ValueError: no such thread in the armed trial",
        "no record": "FileNotFoundError: [Errno 2] No such file or directory",
        "measurement": "ValueError: cannot measure 'nonsense': instrument() first, and choose from "
        "direct, disarmed, armed, watched, recorded, decide, detach, detach-armed, schedule, go-on, "
        "hand-over",
    }


def test_huge_names_are_cut_between_characters(theatre: Theatre) -> None:
    seen = theatre.play(scenes.long_names, "")
    keys = [site.key for site in seen.reading.sites]
    assert "�" not in "".join(keys)
    assert [key for key in keys if key.startswith("hook:create:ööö")]
    assert sum(key.startswith("op:target:ä") for key in keys) == 4
    assert max(len(key.encode()) for key in keys) <= len("hook:destroy:") + 79


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("ä" * 39 + "o" * 9, "ä" * 39 + "o"),
        ("ä" * 50, "ä" * 39),
        ("oo" + "€" * 30, "oo" + "€" * 25),
        ("o" + "🐍" * 20, "o" + "🐍" * 19),
    ],
    ids=["whole", "two bytes", "three bytes", "four bytes"],
)
def test_a_cut_name_is_still_a_key(theatre: Theatre, name: str, cut: str) -> None:
    key = f"op:target:{cut}"
    seen = theatre.play(scenes.act_by_name, name, key)
    assert [site.key for site in seen.reading.sites if site.acted == 2] == [key]


def test_a_module_with_a_long_name_can_be_named_in_a_rule(
    theatre: Theatre, extensions: Extensions
) -> None:
    name = "m" * 150
    built = extensions.build("callers", name=name)
    seen = theatre.play(scenes.long_module, name, needs=[built])
    (key,) = [site.key for site in seen.reading.sites if site.symbol == "PyList_GetItem"]
    assert f":{name}:" in key
    again = theatre.play(scenes.act_by_key, name, key, needs=[built])
    assert [site.acted for site in again.reading.sites if site.key == key] == [10]
