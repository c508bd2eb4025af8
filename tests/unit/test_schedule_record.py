"""The part of a record that a controlled schedule leaves: literals in, nouns out, garbage ignored."""

from pathlib import Path

import pytest

from stressor.model import record, schedule_record
from stressor.model.evidence import Control, Step, Wait, Why
from stressor.model.record import Pulse, read_pulse, read_record, read_steps, read_summary
from stressor.model.schedule_record import NOWHERE, Departure, Leave
from stressor.model.site import Phase
from tests.unit.written_record import ACT, BEGIN, GET, THREADS, VISIT, Raw, Written


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "record.bin")


def test_choices_are_read_with_their_keys(written: Written) -> None:
    written.control(BEGIN, VISIT)

    steps = (
        Step(-1, "", 0, Phase.BEFORE, to=1, why=Why.BEGIN, ready=(0, 1)),
        Step(1, GET, 7, Phase.AFTER, to=0, why=Why.VISIT, ready=(1,), obj=0xF00),
    )
    whole = Control(steps, count=2, trace="0123456789abcdef", revoked=3)
    assert read_record(written.path).control == whole
    assert read_steps(written.path) == steps


def test_a_summary_has_all_but_the_choices(written: Written) -> None:
    written.control(BEGIN, VISIT)

    summary = read_summary(written.path)
    assert summary.control == Control(count=2, trace="0123456789abcdef", revoked=3)
    assert [site.key for site in summary.sites] == [ACT, GET]


def test_every_reason_of_a_choice_has_its_number(written: Written) -> None:
    written.control(*[(*VISIT[:7], number, 0) for number in range(len(Why))])

    assert [step.why for step in read_steps(written.path)] == list(Why)


def test_a_trial_without_turns_has_no_control(written: Written) -> None:
    written.control(BEGIN, deadlock=1, diverged=(1, 0), controlled=0)

    reading = read_record(written.path)
    assert (reading.control, reading.departure) == (None, None)


def test_a_deadlock_tells_who_waits(written: Written) -> None:
    written.control(BEGIN, deadlock=1)
    written.waits(0, 0xF00, 1, 4, 1, 0)
    written.waits(1, 0xBA5, NOWHERE, 0, 1, 1)
    written.waits(2, 0xBAD, 1, 1, 1, 0)  # not a thread of the trial

    expected = (Wait(0, GET, 4, 0xF00), Wait(1, "", 0, 0xBA5))
    for read in (read_record, read_summary):
        control = read(written.path).control
        assert control is not None
        assert control.deadlock == expected
    assert read_pulse(written.path) == Pulse(0, deadlock=True)


def test_only_who_waits_is_told(written: Written) -> None:
    written.control(BEGIN, deadlock=1)
    written.waits(0, 0xF00, 1, 4, 0, 0)
    written.waits(1, 0xF00, 1, 4, 1, 0)

    control = read_summary(written.path).control
    assert control is not None
    assert [wait.thread for wait in control.deadlock] == [1]


def test_without_a_deadlock_waits_mean_nothing(written: Written) -> None:
    written.control(BEGIN)
    written.waits(0, 0xF00, 1, 4, 1, 0)

    control = read_summary(written.path).control
    assert control is not None
    assert control.deadlock == ()
    assert read_pulse(written.path) == Pulse(0, deadlock=False)


@pytest.mark.parametrize("leave", Leave)
def test_a_departure_tells_what_came_instead(written: Written, leave: Leave) -> None:
    written.control(BEGIN, diverged=(list(Leave).index(leave) + 1, 5))
    written.departed(9, VISIT)

    departure = read_summary(written.path).departure
    assert departure is not None
    assert departure == Departure(leave, switch=5, step=9, came=departure.came)
    assert departure.came is not None
    assert (departure.came.thread, departure.came.site) == (1, GET)


def test_a_departure_of_an_unknown_kind_is_none(written: Written) -> None:
    written.control(BEGIN, diverged=(4, 0))
    assert read_summary(written.path).departure is None


@pytest.mark.parametrize(
    "broken",
    [
        (3, 0, 2, 1, 0, 0, 0, 1, 0),  # no such site
        (3, 0, 1, 1, THREADS, 0, 0, 1, 0),
        (3, 0, 1, 1, -2, 0, 0, 1, 0),
        (3, 0, 1, 1, 0, THREADS, 0, 1, 0),
        (3, 0, 1, 1, 0, 0, 2, 1, 0),  # no such phase
        (3, 0, 1, 1, 0, 0, 0, len(Why), 0),
    ],
)
def test_choices_that_make_no_sense_are_left_out(written: Written, broken: Raw) -> None:
    written.control(BEGIN, broken, VISIT, diverged=(1, 0))
    written.departed(1, broken)

    reading = read_record(written.path)
    assert reading.control is not None
    assert [step.why for step in reading.control.steps] == [Why.BEGIN, Why.VISIT]
    assert reading.control.count == 3
    assert reading.departure is not None
    assert reading.departure.came is None


@pytest.mark.parametrize("count", [schedule_record.STEPS + 1, 2**64 - 1])
def test_more_choices_than_there_is_room_for(written: Written, count: int) -> None:
    steps = [BEGIN] * schedule_record.STEPS
    written.control(*steps, count=count)

    control = read_record(written.path).control
    assert control is not None
    assert (len(control.steps), control.count) == (schedule_record.STEPS, count)


@pytest.mark.parametrize("content", [None, b"", b"x" * 100])
def test_what_is_no_record_has_no_choices(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "record.bin"
    if content is not None:
        path.write_bytes(content)

    assert read_steps(path) == ()
    assert read_pulse(path) == Pulse(0, deadlock=False)
    assert read_record(path).control is None


def test_garbage_in_every_word_of_it(written: Written) -> None:
    written.control(BEGIN, VISIT, deadlock=1, diverged=(1, 0))
    written.waits(0, 0xF00, 1, 4, 1, 0)
    whole = written.path.read_bytes()[record.CONTROL_AT :]
    end = schedule_record.WAITS_AT + THREADS * schedule_record.WAIT.size
    log = schedule_record.STEPS_AT
    places = [*range(0, end, 4), *range(log, log + 2 * schedule_record.STEP.size, 4)]
    # Not in the count: reading as many choices as there is room for takes a moment each time.
    for place in (place for place in places if not 8 <= place < 16):
        for word in (b"\xff" * 4, b"\x80" * 4, b"\xff\xff\xff\x7f"):
            written.put(record.CONTROL_AT + place, word)
            reading = read_record(written.path)
            assert not reading.unreadable
            assert reading.control is None or len(reading.control.steps) <= 2
            assert reading.control is None or len(reading.control.deadlock) <= THREADS
        written.put(record.CONTROL_AT + place, whole[place : place + 4])
