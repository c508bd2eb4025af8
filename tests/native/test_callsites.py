"""Finding calls in files made for it: every reason to refuse a function, and what is not covered."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from stressor.symbols.callsites import Calls, CallSites, find_calls
from tests.native.extensions import compiler

pytestmark = [
    pytest.mark.native,
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64"),
]

SECONDS = 120.0

WANTED = """
.globl wanted
.type wanted, @function
wanted: .cfi_startproc
        ret
        .cfi_endproc
.size wanted, .-wanted
"""


def function(name: str, *lines: str) -> str:
    """A function in assembler, with the frame that tells where it begins and ends."""
    body = "\n".join(lines)
    return (
        f".type {name}, @function\n{name}: .cfi_startproc\n{body}\n.cfi_endproc\n"
        f".size {name}, .-{name}\n"
    )


def built(folder: Path, *sources: str, flags: tuple[str, ...] = ("-Wl,--build-id=sha1",)) -> str:
    """A shared library of these assembler files."""
    files = []
    for number, source in enumerate(sources):
        file = folder / f"part{number}.s"
        file.write_text(f".text\n{source}\n.section .note.GNU-stack\n")
        files.append(str(file))
    made = folder / "made.so"
    command = [compiler(), "-shared", "-nostdlib", "-Wl,-Bsymbolic", "-Wl,--eh-frame-hdr", *flags]
    subprocess.run([*command, *files, "-o", str(made)], check=True, timeout=SECONDS)
    return str(made)


def calls_of(path: str, name: str = "wanted") -> Calls:
    found = find_calls(path, [name])
    assert found.reason == ""
    [calls] = found.functions
    return calls


def leading_there(calls: Calls) -> int:
    return sum(len(target.ends) for target in calls.targets)


def test_calls_and_tail_jumps_are_found(tmp_path: Path) -> None:
    callers = [
        function("one", "call wanted", "nop", "call wanted", "ret"),
        function("two", ".byte 0xe9", ".long wanted - 1f", "1:"),
        function("three", "call one", "ret"),
    ]
    calls = calls_of(built(tmp_path, WANTED + "".join(callers)))
    assert (calls.disassembled, calls.scanned, calls.reason, calls.note) == (3, 3, "", "")
    assert leading_there(calls) == 3


def test_clones_are_one_function_with_several_targets(tmp_path: Path) -> None:
    clone = function("wanted.constprop.0", "ret") + function("wanted.cold", "ret")
    callers = function("one", "call wanted", "call wanted.constprop.0", "ret")
    other = function("two", "call wanted.cold", "ret")
    calls = calls_of(built(tmp_path, WANTED + clone + callers + other))
    assert [len(target.ends) for target in calls.targets] == [1, 1]
    assert calls.note == "as wanted.constprop.0"


def test_bytes_inside_another_instruction_are_no_call(tmp_path: Path) -> None:
    # movabs with an operand that reads like a call of `wanted`.
    chance = function(
        "one",
        "call wanted",
        ".byte 0x48, 0xb8, 0xe8",
        ".long wanted - 1f",
        "1: .byte 0, 0, 0",
        "ret",
    )
    calls = calls_of(built(tmp_path, WANTED + chance))
    assert (calls.disassembled, calls.scanned, calls.reason) == (1, 2, "")


@pytest.mark.parametrize(
    ("callers", "says"),
    [
        (function("one", "ret"), "nothing calls it directly"),
        (
            function("one", "call wanted", "ret")
            + function("two", ".byte 0x06", ".byte 0xe8", ".long wanted - 1f", "1: ret"),
            "could not be disassembled",
        ),
        (
            function("one", "call wanted", "ret") + "call wanted\nret\n",
            "could not be disassembled",
        ),
        (function("one", "vzeroupper", "call wanted", "ret"), "wider than 128 bits"),
        (
            function("wanted.isra.0", "ret") + function("one", "call wanted.isra.0", "ret"),
            "changed its arguments",
        ),
    ],
    ids=["none", "lost", "outside", "wide", "isra"],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, callers: str, says: str) -> None:
    calls = calls_of(built(tmp_path, WANTED + callers))
    assert says in calls.reason


def test_other_jumps_are_told_and_left_alone(tmp_path: Path) -> None:
    callers = function("one", "call wanted", "je 1f", "1: ret") + function(
        "two", "test %eax, %eax", ".byte 0x0f, 0x84", ".long wanted - 1f", "1: ret"
    )
    calls = calls_of(built(tmp_path, WANTED + callers))
    assert (calls.disassembled, calls.reason) == (1, "")
    assert calls.note.startswith("1 conditional or short jump")


def test_two_functions_of_one_name_are_refused(tmp_path: Path) -> None:
    local = function("twin", "ret") + function("one", "call twin", "ret")
    calls = calls_of(built(tmp_path, local, function("twin", "ret")), "twin")
    assert calls.reason == "2 functions have this name"


def test_a_name_that_is_not_there_was_inlined(tmp_path: Path) -> None:
    assert "was inlined" in calls_of(built(tmp_path, WANTED), "nobody").reason


def test_a_stripped_file_says_so(tmp_path: Path) -> None:
    strip = shutil.which("strip")
    if strip is None:
        pytest.skip("no strip")
    local = function("local", "ret") + function("one", "call local", "call wanted", "ret")
    path = built(tmp_path, WANTED + local)
    subprocess.run([strip, path], check=True, timeout=SECONDS)
    assert calls_of(path).disassembled == 1
    assert "stripped" in calls_of(path, "local").reason


def refused(path: str) -> str:
    found = find_calls(path, ["wanted"])
    assert found == CallSites(path, reason=found.reason)
    return found.reason


def test_a_file_without_build_id_is_refused(tmp_path: Path) -> None:
    path = built(tmp_path, WANTED, flags=("-Wl,--build-id=none",))
    assert "build id" in refused(path)


def test_a_file_without_frames_is_refused(tmp_path: Path) -> None:
    bare = ".globl wanted\n.type wanted, @function\nwanted: ret\n"
    assert ".eh_frame_hdr" in refused(built(tmp_path, bare))


@pytest.mark.parametrize("size", [0, 3, 64, 4000])
def test_a_damaged_file_is_refused(tmp_path: Path, size: int) -> None:
    path = Path(built(tmp_path, WANTED + function("one", "call wanted", "ret")))
    path.write_bytes(path.read_bytes()[:size])
    assert refused(str(path))
    assert refused(str(tmp_path / "nowhere"))
