"""A record that was cut, filled with garbage or half written is read without a fuss.

A real record is damaged byte by byte; the reader may find less in it, but never raises, never takes
for long and never returns more than a record can hold.
"""

import mmap
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressor.model import record, schedule_record
from stressor.model.record import Reading, read_pulse, read_record, read_steps, read_summary
from tests.native.children import Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import borrows, crashes

pytestmark = [pytest.mark.native, pytest.mark.slow]

SEED = 20260902


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, extensions: Extensions) -> bytes:
    """A record with everything in it: of a crash, with the losses of another one."""
    theatre = Theatre(tmp_path_factory.mktemp("records"))
    needs = [extensions.build(name) for name in ("crashers", "callers", "borrowers")]
    crashed = bytearray(
        theatre.attempt(crashes.die, "read_nowhere", needs=needs).record.read_bytes()
    )
    lost = theatre.attempt(borrows.use, "borrow_and_return", needs=needs).record.read_bytes()
    crashed[record.LOSSES_AT : record.MODULES_AT] = lost[record.LOSSES_AT : record.MODULES_AT]
    crashed[36:40] = lost[36:40]  # their number
    crashed[record.LOSSES_AT : record.LOSSES_AT + 4] = bytes(4)  # at the first site
    return bytes(crashed)


@pytest.fixture
def path(made: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "record.bin"
    path.write_bytes(made)
    return path


@pytest.fixture
def data(path: Path) -> Iterator[mmap.mmap]:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        yield data


def bounded(reading: Reading) -> None:
    assert len(reading.sites) <= record.MAX_SITES
    assert len(reading.losses) <= record.MAX_LOSSES
    assert len(reading.lanes) <= record.MAX_THREADS
    assert all(len(events) <= record.RING for events in reading.events)
    assert reading.control is None or len(reading.control.steps) <= schedule_record.STEPS
    assert reading.control is None or len(reading.control.deadlock) <= record.MAX_THREADS
    assert reading.crash is None or len(reading.crash.frames) <= record.MAX_FRAMES


def check(path: Path) -> Reading:
    """Read in all four ways; what comes back is bounded."""
    reading = read_record(path)
    bounded(reading)
    assert read_summary(path).sites == reading.sites
    assert read_pulse(path).progress == reading.progress
    assert read_steps(path) == (reading.control.steps if reading.control is not None else ())
    return reading


def test_the_record_is_whole_before_it_is_damaged(path: Path) -> None:
    reading = check(path)
    assert reading.crash is not None
    assert reading.losses
    assert reading.sites
    assert reading.events[1]
    assert not reading.unreadable


def test_a_file_that_was_cut_says_so(made: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    sizes = [0, 1, 7, 8, 63, 64, record.CRASH_AT, record.LANES_AT, len(made) // 2, len(made) - 1]
    for size in sizes:
        path.write_bytes(made[:size])
        assert check(path).unreadable, size
    path.write_bytes(made + b"\0")
    assert check(path).unreadable


@pytest.mark.parametrize("name", ["nowhere.bin", "."])
def test_what_is_no_file_says_so(tmp_path: Path, name: str) -> None:
    assert check(tmp_path / name).unreadable


def test_garbage_at_every_place_of_the_header(path: Path, data: mmap.mmap) -> None:
    draw = random.Random(SEED)
    for place in range(record._HEAD.size):
        whole = data[place]
        for value in (0, 0x7F, 0x80, 0xFF, draw.randrange(256)):
            data[place] = value
            reading = check(path)
            assert bool(reading.unreadable) == (place < 16 and value != whole), place
        data[place] = whole


def test_garbage_in_every_table(path: Path, data: mmap.mmap) -> None:
    """Six hundred records with up to eight damaged words each, at places that are in use."""
    draw = random.Random(SEED)
    lane = record.LANES_AT + record.LANE_SIZE  # of thread 1
    used = [
        (16, record._HEAD.size),
        (record.CRASH_AT, record.LOSSES_AT),
        (record.LOSSES_AT, record.LOSSES_AT + record._LOSS.size),
        (record.MODULES_AT, record.MODULES_AT + 8 * record._MODULE.size),
        (record.SITES_AT, record.SITES_AT + 8 * record._SITE.size),
        (lane, lane + record.BEFORE_AT + 64),
        (lane + record.RING_AT, lane + record.RING_AT + 64 * record._EVENT.size),
    ]
    words = [b"\xff" * 8, b"\0" * 8, b"\x80" * 8, b"\xff\xff\xff\x7f" * 2]
    for _ in range(600):
        undo = []
        for _ in range(draw.randint(1, 8)):
            start, end = draw.choice(used)
            place = draw.randrange(start, end - 8)
            undo.append((place, data[place : place + 8]))
            data[place : place + 8] = draw.choice([*words, draw.randbytes(8)])
        bounded(read_record(path))
        for place, word in reversed(undo):
            data[place : place + 8] = word
    assert not check(path).unreadable


def test_nothing_but_garbage(path: Path, data: mmap.mmap) -> None:
    """The head says that it is a record; all the rest is noise."""
    draw = random.Random(SEED)
    for _ in range(3):
        data[16:] = draw.randbytes(len(data) - 16)
        check(path)
