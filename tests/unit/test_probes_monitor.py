"""The monitor on a small reference: what it lets pass and what it does not."""

from typing import ClassVar

import pytest

from stressor.mechanisms.base import Mechanism, Status, Step, Steps
from stressor.probes.monitor import END, Monitor, Note, Seen

FREE, TAKE, GIVE = 0, "take", "give"


class Lock(Mechanism):
    """A lock that counts how often it was taken; two threads take it once each."""

    name = "lock"
    title = "A lock"
    status = Status.MODEL
    sources = ()
    defects: ClassVar[dict[str, str]] = {}

    def setup(self) -> None:
        self.held = FREE
        self.taken = 0

    def threads(self) -> dict[str, Steps]:
        return {"A": self.worker(1), "B": self.worker(2)}

    def worker(self, me: int) -> Steps:
        yield Step(TAKE, until=lambda: self.held == FREE)
        self.held = me
        self.taken += 1
        yield GIVE
        self.held = FREE


def taken_is(model: Lock, thread: str, value: int) -> bool:
    return model.taken == value


class Box(Mechanism):
    """One puts things into a box, another empties it now and then."""

    name = "box"
    title = "A box"
    status = Status.MODEL
    sources = ()
    defects: ClassVar[dict[str, str]] = {}

    def setup(self) -> None:
        self.things = self.taken = 0

    def threads(self) -> dict[str, Steps]:
        return {"A": self.puts(), "B": self.empties()}

    def puts(self) -> Steps:
        for _ in range(2):
            yield "put"
            self.things += 1

    def empties(self) -> Steps:
        for _ in range(2):
            yield "look"
            self.taken += self.things
            self.things = 0


def has_taken(model: Box, thread: str, value: int) -> bool:
    return model.taken == value


SEES = {
    "wants": Seen((TAKE,)),
    "has": Seen((GIVE,), rests=True),
    "count": Seen((GIVE,), rests=True, holds=taken_is),
    "gives": Seen((GIVE,)),
    "gave": Seen((END,), rests=True),
}


def notes(text: str) -> list[Note]:
    """From "A wants, A count 1"."""
    found = []
    for each in text.split(", "):
        thread, what, *value = each.split()
        found.append(Note(thread, what, int(value[0]) if value else 0))
    return found


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(Lock, SEES)


@pytest.mark.parametrize(
    "seen",
    [
        "A wants, A has, A gives, A gave, B wants, B has, B gives, B gave",
        # B took it after A gave it back, which A's note told late.
        "A wants, B wants, A has, A gives, B has, A gave, B gives, B gave",
        # A thread that was not seen at all, and one that has not come to its end.
        "B wants, B has",
        # The count was read while B waited.
        "A wants, A has, B wants, A count 1, A gives, B has, B count 2",
    ],
)
def test_what_the_reference_can_do_passes(monitor: Monitor, seen: str) -> None:
    assert monitor.follow(notes(seen)) is None


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ("A wants, B wants, A has, B has", 3),
        ("A wants, A has, B wants, B has, A gives", 3),
        ("A wants, A has, A count 2", 2),
        # Nobody who has not asked for it takes it.
        ("A wants, A has, A count 1, A gives, A gave, B has", 5),
        ("A wants, A gave", 1),
    ],
)
def test_what_it_cannot_do_is_found(monitor: Monitor, seen: str, wrong: int) -> None:
    found = monitor.follow(notes(seen))
    assert found is not None
    assert found.number == wrong
    assert found.states > 0


def test_a_value_was_right_at_some_moment_since_the_note_before(monitor: Monitor) -> None:
    # Read before B took it, told after: no lie.
    sees = SEES | {"reads": Seen((END,), rests=True, holds=taken_is)}
    watching = Monitor(Lock, sees)
    seen = "A wants, A has, A gives, A gave, B wants, B has, A reads 1"
    assert watching.follow(notes(seen)) is None
    assert watching.follow(notes(f"{seen}, A reads 1")) is not None


def test_a_first_note_may_tell_a_value(monitor: Monitor) -> None:
    sees = SEES | {"reads": Seen((TAKE,), holds=taken_is)}
    watching = Monitor(Lock, sees)
    assert watching.follow(notes("B wants, B has, A reads 0")) is None
    assert watching.follow(notes("B wants, B has, A reads 1")) is None
    assert watching.follow(notes("B wants, B has, A reads 2")) is not None


def test_both_sides_are_told(monitor: Monitor) -> None:
    found = monitor.follow(notes("A wants, B wants, A has, B has"))
    assert found is not None
    assert found.places == {"A": [GIVE], "B": [TAKE]}


def test_a_thread_that_goes_round_may_have_needed_what_others_did() -> None:
    # It stands where it stood before, so that it might as well have done nothing.
    sees = {
        "puts": Seen(("put",)),
        "looks": Seen(("look",)),
        "looked": Seen(("look", END), rests=True),
        "took": Seen(("look", END), rests=True, holds=has_taken),
    }
    watching = Monitor(Box, sees)
    assert watching.follow(notes("A puts, B looks, B looked, B took 1")) is None
    assert watching.follow(notes("A puts, B looks, B looked, B took 2")) is None
    assert watching.follow(notes("B looks, B looked, B took 1")) is not None
