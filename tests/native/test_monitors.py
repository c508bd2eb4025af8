"""The monitors: every law is seen broken, with the function that broke it, and legal work is silent."""

from pathlib import Path

import pytest

from stressor.model.evidence import Breach
from stressor.model.monitors import BY_LAW, LAWS, Monitor
from tests.native.children import Seen, Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import laws as scenes
from tests.native.symbols import functions

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECTIONS, DETACHED, THREAD_STATES, COUNTS = 1, 2, 4, 8


@pytest.fixture
def lawbreakers(extensions: Extensions) -> Path:
    return extensions.build("lawbreakers")


def breach(seen: Seen, law: str) -> Breach:
    """The one breach of a law."""
    (found,) = [each for each in seen.reading.breaches if each.law == law]
    assert len(found.words) == len(BY_LAW[law].words)
    return found


BROKEN = {
    "end_outer_first": "innermost",
    "begin_twice": "once",
    "ask_detached": "attached",
    "merged_negative": "not-negative",
    "owned_negative": "owned-not-negative",
    "merged_owned": "owner",
    "drop_nothing": "held",
}


@pytest.mark.parametrize(("name", "law"), BROKEN.items())
def test_a_broken_law_is_seen(theatre: Theatre, lawbreakers: Path, name: str, law: str) -> None:
    seen = theatre.play(scenes.act, name, needs=[lawbreakers])
    found = breach(seen, law)
    assert {each.law for each in seen.reading.breaches} == {law}
    # After the first one, a chain of sections may be anything.
    times = 1 if BY_LAW[law].monitor is Monitor.SECTIONS else 3
    assert (found.thread, found.visit, found.times) == (0, 1, times)
    # Counts are used by a function that several share, and that may be a part of its callers.
    innermost = functions(found.frames, "lawbreakers")
    assert innermost[0].split(".")[0] in (name, "use_counts")


def test_what_a_breach_saw(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.play(scenes.act, "owned_negative", needs=[lawbreakers])
    owner, local, shared = breach(seen, "owned-not-negative").words
    assert owner > 0
    assert (local, shared) == (1, -2)


def test_a_section_that_is_not_open(theatre: Theatre, lawbreakers: Path) -> None:
    # What it does to a lock that is free ends the process; the record outlives it.
    seen = theatre.attempt(scenes.act, "end_twice", needs=[lawbreakers])
    assert breach(seen, "open").visit == 1
    assert seen.code != 0


def test_a_section_that_is_left_open(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.play(scenes.leave_open, needs=[lawbreakers])
    found = breach(seen, "closed")
    assert found.site == "op:target:act"
    assert found.words[0] != found.words[1] == 0


@pytest.mark.parametrize(("monitors", "law"), [(SECTIONS, "section-attached"), (15, "attached")])
def test_a_section_without_a_thread_state(
    theatre: Theatre, lawbreakers: Path, monitors: int, law: str
) -> None:
    seen = theatre.attempt(scenes.act, "section_detached", monitors, needs=[lawbreakers])
    assert breach(seen, law).thread == 0
    assert seen.code != 0


def test_a_state_that_was_taken_away(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.attempt(scenes.meet, "lose_state", "take_state", needs=[lawbreakers])
    found = breach(seen, "kept")
    assert found.thread == 0
    assert functions(found.frames, "lawbreakers")[0] == "lose_state"


def test_a_state_that_is_attached_elsewhere(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.attempt(scenes.meet, "share_state", "attach_shared", needs=[lawbreakers])
    found = breach(seen, "free")
    assert found.thread == 1
    assert functions(found.frames, "lawbreakers")[0] == "attach_shared"


def test_a_state_of_another_living_thread(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.play(scenes.use_anothers_state, needs=[lawbreakers])
    # At the call that attaches it, and at the call that is made with it.
    found = [each for each in seen.reading.breaches if each.law == "bound"]
    assert [each.thread for each in found] == [1, 1]
    for each in found:
        _, maker, user = each.words
        assert maker != user


def test_every_law_has_a_scene() -> None:
    others = {"open", "closed", "section-attached", "kept", "free", "bound"}
    assert {law.name for law in LAWS} == set(BROKEN.values()) | others


LEGAL = (
    "end_inner_first",
    "begin_again",
    "drop_inside",
    "work_detached",
    "use_own_state",
    "legal_counts",
)


def test_legal_work_is_silent(theatre: Theatre, lawbreakers: Path) -> None:
    seen = theatre.play(scenes.act_together, *LEGAL, needs=[lawbreakers])
    assert seen.reading.breaches == ()
    assert seen.visits("PyCriticalSection2_Begin") > 1000


@pytest.mark.parametrize("monitors", [0, SECTIONS, THREAD_STATES, COUNTS])
def test_a_monitor_that_is_off_sees_nothing(
    theatre: Theatre, lawbreakers: Path, monitors: int
) -> None:
    seen = theatre.play(scenes.act, "ask_detached", monitors, needs=[lawbreakers])
    assert seen.reading.breaches == ()
