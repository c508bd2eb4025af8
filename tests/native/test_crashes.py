"""What a dying process leaves behind: who, where, and by which signal."""

import signal
from pathlib import Path

import pytest

from stressor.model.evidence import Crash
from tests.native.children import Seen, Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import crashes as scenes
from tests.native.symbols import functions

pytestmark = [pytest.mark.native, pytest.mark.slow]


@pytest.fixture
def needs(extensions: Extensions) -> list[Path]:
    return [extensions.build("crashers"), extensions.build("callers"), extensions.build("states")]


def crash_of(seen: Seen, number: int) -> Crash:
    """The crash of a process that died by that signal."""
    assert seen.code == -number, seen.stderr
    crash = seen.reading.crash
    assert crash is not None
    assert crash.signal == number
    return crash


@pytest.mark.parametrize(
    ("name", "number", "address"),
    [
        ("read_nowhere", signal.SIGSEGV, 0x10),
        ("call_null", signal.SIGSEGV, 0),
        ("call_nowhere", signal.SIGSEGV, 0x4141414140),
        ("call_abort", signal.SIGABRT, 0),
        ("be_fatal", signal.SIGABRT, 0),
        ("divide", signal.SIGFPE, None),
        ("execute_nonsense", signal.SIGILL, None),
    ],
)
def test_a_crash_is_recorded_with_its_stack(
    theatre: Theatre, needs: list[Path], name: str, number: int, address: int | None
) -> None:
    seen = theatre.attempt(scenes.die, name, needs=needs)
    crash = crash_of(seen, number)
    assert crash.thread == 1
    assert address is None or crash.address == address
    assert functions(crash.frames, "crashers") == [name]
    # The stack goes on into the interpreter that called the extension, and to the thread's start.
    interpreter = [frame for frame in crash.frames if "python3." in frame.module]
    assert len(interpreter) > 4
    assert crash.frames[-1].module.startswith("libc.")
    first = crash.frames[0]
    if name.startswith("call_n"):
        assert (first.module, first.offset) == ("", address)
    elif number != signal.SIGABRT:
        assert first.module.startswith("crashers.")


def test_previous_handlers_still_run_and_events_survive(
    theatre: Theatre, needs: list[Path]
) -> None:
    seen = theatre.attempt(scenes.die, "read_nowhere", needs=needs)
    crash_of(seen, signal.SIGSEGV)
    assert "Fatal Python error: Segmentation fault" in seen.stderr
    assert "in body" in seen.stderr
    assert seen.reading.events[1][0].site == "op:target:act"
    assert any(":PyList_GetItem+" in event.site for event in seen.reading.events[1])


@pytest.mark.parametrize("when", ["off", "again"])
def test_faulthandler_does_not_take_our_handlers_away(
    theatre: Theatre, needs: list[Path], when: str
) -> None:
    seen = theatre.attempt(scenes.die_with_faulthandler, when, needs=needs)
    crash = crash_of(seen, signal.SIGSEGV)
    assert functions(crash.frames, "crashers") == ["read_nowhere"]
    assert crash.address == 0x10
    assert ("Fatal Python error: Segmentation fault" in seen.stderr) == (when == "again")


def test_a_fatal_error_says_its_text(theatre: Theatre, needs: list[Path]) -> None:
    seen = theatre.attempt(scenes.die, "be_fatal", needs=needs)
    assert "said by the scenario" in seen.stderr


def test_a_stack_overflow_of_a_worker_is_recorded(theatre: Theatre, needs: list[Path]) -> None:
    crash = crash_of(theatre.attempt(scenes.die, "overflow_stack", needs=needs), signal.SIGSEGV)
    assert crash.thread == 1
    assert set(functions(crash.frames, "crashers")) == {"recurse"}
    assert len(crash.frames) == 48


def test_a_crash_without_a_stack_is_recorded(theatre: Theatre, needs: list[Path]) -> None:
    """A double fault: the unwinder crashes on the damaged stack."""
    seen = theatre.attempt(scenes.die, "lose_stack", needs=needs)
    crash = crash_of(seen, signal.SIGSEGV)
    assert functions(crash.frames, "crashers")[0] == "lose_stack"
    assert "Fatal Python error: Segmentation fault" in seen.stderr


def test_a_previous_handler_that_crashes_does_not_keep_the_process_alive(
    theatre: Theatre, needs: list[Path]
) -> None:
    crash = crash_of(theatre.attempt(scenes.die_in_handler, needs=needs), signal.SIGSEGV)
    assert functions(crash.frames, "crashers") == ["read_nowhere"]
    assert crash.address == 0x10


def test_a_stranger_has_no_logical_thread(theatre: Theatre, needs: list[Path]) -> None:
    crash = crash_of(theatre.attempt(scenes.die_as_stranger, needs=needs), signal.SIGSEGV)
    assert crash.thread == -1
    assert functions(crash.frames, "crashers") == ["read_nowhere"]


@pytest.mark.parametrize("name", ["read_nowhere", "call_null", "call_abort"])
def test_one_of_several_crashes_is_recorded_whole(
    theatre: Theatre, needs: list[Path], name: str
) -> None:
    number = signal.SIGABRT if name == "call_abort" else signal.SIGSEGV
    crash = crash_of(theatre.attempt(scenes.die_together, name, needs=needs), number)
    assert crash.thread in range(8)
    assert functions(crash.frames, "crashers") == [name]


def test_a_signal_from_outside_has_no_address(theatre: Theatre, needs: list[Path]) -> None:
    crash = crash_of(theatre.attempt(scenes.die_in_pause, needs=needs), signal.SIGABRT)
    assert crash.address == 0


def test_a_record_that_cannot_be_written_is_our_own_fault(
    theatre: Theatre, needs: list[Path]
) -> None:
    seen = theatre.attempt(scenes.lose_record, needs=needs)
    assert seen.code == 70
    assert "stressor: the record cannot be written" in seen.stderr
    assert "Fatal Python error" not in seen.stderr
    assert seen.reading.unreadable
