"""The borrow ledger: a use of a destroyed object is found, and nothing else is."""

from pathlib import Path

import pytest

from stressor.model.evidence import Loss
from tests.native.children import Seen, Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import borrows as scenes
from tests.native.symbols import functions

pytestmark = [pytest.mark.native, pytest.mark.slow]


@pytest.fixture
def borrowers(extensions: Extensions) -> Path:
    return extensions.build("borrowers")


def used(seen: Seen) -> Loss:
    """The one loss that was seen used. 2,000 windows of 0.2 ms and more, in which another thread
    replaces the object every microsecond: missing all of them takes a machine that stands still."""
    (loss,) = [loss for loss in seen.reading.losses if loss.used is not None]
    return loss


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("borrow_and_return", "returned"),
        ("borrow_and_count", "counted"),
        ("borrow_and_store", "counted"),
        ("borrow_and_pass", "passed to PyObject_Size"),
        ("borrow_and_operate", "operated on"),
    ],
)
def test_a_use_is_found_with_both_stacks(
    theatre: Theatre, borrowers: Path, name: str, how: str
) -> None:
    seen = theatre.play(scenes.use, name, needs=[borrowers])
    loss = used(seen)
    assert loss.used == how
    assert loss.type == "list"
    assert (loss.thread, loss.destroyer) == (0, 1)
    assert loss.site.startswith("call:borrowers:PyList_GetItem+0x")
    assert functions(loss.borrower_frames, "borrowers") == [name]
    assert functions(loss.destroyer_frames, "borrowers") == ["replace"]
    # The trial goes on: the substitute is no valid argument, and says what it is.
    refused = "destroyed while it was borrowed" in seen.value
    assert refused == (name == "borrow_and_operate")


def test_a_use_of_what_dict_next_handed_out_is_found(theatre: Theatre, borrowers: Path) -> None:
    loss = used(theatre.play(scenes.use_next, "borrow_by_next", needs=[borrowers]))
    assert loss.site.startswith("call:borrowers:PyDict_Next+0x")
    assert functions(loss.borrower_frames, "borrowers") == ["borrow_by_next"]
    assert functions(loss.destroyer_frames, "borrowers") == ["replace_value"]


def test_asking_whether_something_is_there_is_no_use(theatre: Theatre, borrowers: Path) -> None:
    seen = theatre.play(scenes.use, "borrow_and_ask", 300, needs=[borrowers])
    assert seen.reading.losses, "nothing was lost: this test proves nothing"
    assert [loss.used for loss in seen.reading.losses] == [None] * len(seen.reading.losses)


def test_what_the_twins_are_tried_with_finds_the_wrong_one(
    theatre: Theatre, borrowers: Path
) -> None:
    used(theatre.play(scenes.use, "borrow_and_return", 10_000, "short", needs=[borrowers]))


@pytest.mark.parametrize("name", ["take_reference", "borrow_locked"])
def test_a_correct_twin_is_never_named(theatre: Theatre, borrowers: Path, name: str) -> None:
    seen = theatre.play(scenes.use, name, 10_000, "short", needs=[borrowers])
    assert seen.reading.losses == ()
    assert seen.value == ""


def test_a_locked_iteration_is_never_named(theatre: Theatre, borrowers: Path) -> None:
    seen = theatre.play(scenes.use_next, "next_locked", 10_000, "short", needs=[borrowers])
    assert seen.reading.losses == ()


def test_an_object_that_somebody_else_keeps_is_never_lost(
    theatre: Theatre, borrowers: Path
) -> None:
    assert theatre.play(scenes.use_kept, 10_000, needs=[borrowers]).reading.losses == ()


def test_an_object_that_comes_back_to_life_is_never_lost(theatre: Theatre, borrowers: Path) -> None:
    assert theatre.play(scenes.use_resurrected, 5000, needs=[borrowers]).reading.losses == ()


def test_more_losses_than_slots(theatre: Theatre, borrowers: Path) -> None:
    """Slots of losses that nobody used are free again in the next round."""
    seen = theatre.play(scenes.lose_many, 5, needs=[borrowers])
    assert seen.value == 0
    assert used(seen).used == "returned"
    assert len(seen.reading.losses) <= 8
    assert set(seen.reading.overflow) <= {"losses"}


def test_a_stranger_can_be_the_destroyer(theatre: Theatre, borrowers: Path) -> None:
    loss = used(theatre.play(scenes.lose_to_stranger, needs=[borrowers]))
    assert loss.destroyer == -1
    assert functions(loss.destroyer_frames, "borrowers") == ["replace"]
