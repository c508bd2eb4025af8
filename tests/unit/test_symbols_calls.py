"""Calls in ELF files compiled here in many ways: compared with what objdump says of the same file."""

import _csv
import itertools
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from stressor.model.catalogue import SYMBOLS
from stressor.symbols.calls import ends_call, is_call

# Two catalogued functions, one that is not, a pointer to one, a local function that jumps on.
SOURCE = """\
extern void *PyList_GetItem(void *, long);
extern int PyErr_Occurred(void);
extern int elsewhere(int);
extern void *PyDict_GetItem(void *, void *);

void *(*pointer)(void *, long) = PyList_GetItem;

static __attribute__((noinline)) void *jumps_on(void *list)
{
    return PyList_GetItem(list, 3);
}

void *taken(void) { return (void *)PyDict_GetItem; }

void *outer(void *list, void *key)
{
    long found = elsewhere(1) + PyErr_Occurred();
    found += PyDict_GetItem(list, key) != 0;
    found += PyList_GetItem(list, found) != 0;
    found += pointer(list, 2) != 0;
    found += jumps_on(list) != 0;
    return (void *)found;
}
"""
BUILDS = {
    "lazy": ("-Wl,-z,lazy",),
    "now": ("-Wl,-z,now",),
    "unoptimized": ("-O0",),
    "endbr": ("-fcf-protection=full", "-Wl,-z,ibtplt"),
    "endbr-now": ("-fcf-protection=full", "-Wl,-z,ibtplt,-z,now"),
    "no-plt": ("-fno-plt",),
    "gold": ("-fuse-ld=gold",),
}
WRAPPED = {symbol.name for symbol in SYMBOLS}
_CALL = re.compile(r"\s+([0-9a-f]+):\t[0-9a-f ]+\t\S*\s*call[q ]")
_NEXT = re.compile(r"\s+([0-9a-f]+):\t")
_NAME = re.compile(r"<([A-Za-z_]\w*)(?:@\w+)?>\s*\Z")

pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds what is looked at"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the builds are x86-64's"),
]


def build(folder: Path, *flags: str, source: str = SOURCE) -> Path:
    (folder / "box.c").write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-O2", *flags, "-o", "box.so", "box.c"]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)
    return folder / "box.so"


@pytest.fixture(scope="module", params=BUILDS)
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("box"), *BUILDS[request.param])


def calls_in(path: Path) -> dict[int, str]:
    """Where calls end, each with the name that objdump gives its destination, "" for none."""
    told = subprocess.run(
        ["objdump", "-d", "--wide", path], check=True, timeout=60, capture_output=True, text=True
    ).stdout.splitlines()
    ends = {}
    for line, following in itertools.pairwise(told):
        if _CALL.match(line) and (then := _NEXT.match(following)):
            name = _NAME.search(line)
            ends[int(then[1], 16)] = name[1] if name else ""
    return ends


def code_of(path: Path, function: str) -> range:
    told = subprocess.run(
        ["objdump", "-d", "--wide", f"--disassemble={function}", path],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    ).stdout
    found = [int(each, 16) for each in re.findall(r"^ +([0-9a-f]+):\t", told, re.MULTILINE)]
    return range(min(found), max(found) + 1)


def end_of(path: Path, name: str) -> int:
    inside = code_of(path, "outer")
    [end] = [end for end, called in calls_in(path).items() if called == name and end in inside]
    return end


@pytest.mark.slow
def test_each_call_leads_where_objdump_says_and_nowhere_else(box: Path) -> None:
    for name in ("PyList_GetItem", "PyDict_GetItem", "PyErr_Occurred"):
        end = end_of(box, name)
        assert is_call(str(box), end, name) is True
        for other in ("PyList_Append", "PyTuple_GetItem"):
            assert is_call(str(box), end, other) is False
    # No wrapper stands before it: it may jump to anything as its last deed.
    assert is_call(str(box), end_of(box, "elsewhere"), "PyList_GetItem") is None


@pytest.mark.slow
def test_pointers_may_lead_anywhere_and_local_functions_may_jump_on(box: Path) -> None:
    ends = calls_in(box)
    inside = [end for end in ends if end in code_of(box, "outer")]
    direct = ("elsewhere", "PyErr_Occurred", "PyDict_GetItem", "PyList_GetItem")
    unclear = [is_call(str(box), end, "PySet_Add") for end in inside if ends[end] not in direct]

    # One through the pointer; the other to the local function, which is a stub to its symbol unless
    # it has instructions of its own.
    assert True in unclear
    assert len(unclear) == 2
    assert all(is_call(str(box), e, "PyList_GetItem") is not False for e in inside if not ends[e])


@pytest.mark.slow
def test_where_no_call_ends_there_is_none(box: Path) -> None:
    ends, code = calls_in(box), code_of(box, "outer")
    inside = [end for end in ends if end in code]
    between = [at for at in code if at not in ends]
    refused = [at for at in between if is_call(str(box), at, "PyList_GetItem") is False]

    # Bytes of operands may read as a call, and then nothing is said.
    assert len(refused) > 0.9 * len(between)
    assert all(ends_call(str(box), end) is True for end in inside)
    assert {at for at in between if ends_call(str(box), at)} == set(between) - set(refused)


def test_outside_of_code_there_is_no_call(tmp_path: Path) -> None:
    box = build(tmp_path)
    for offset in (0, 1, 0x40, 1 << 40, box.stat().st_size):
        assert is_call(str(box), offset, "PyList_GetItem") is False
        assert ends_call(str(box), offset) is False


def test_section_headers_are_not_needed(tmp_path: Path) -> None:
    box = build(tmp_path)
    end = end_of(box, "PyList_GetItem")
    subprocess.run(["strip", box], check=True, timeout=60)
    headless = bytearray(box.read_bytes())
    headless[0x28:0x30] = bytes(8)  # e_shoff
    headless[0x3A:0x40] = bytes(6)  # their size, count and names
    box.write_bytes(headless)

    assert is_call(str(box), end, "PyList_GetItem") is True
    assert is_call(str(box), end, "PyList_Append") is False


def test_a_file_that_is_built_again_is_read_again(tmp_path: Path) -> None:
    box = build(tmp_path)
    end = end_of(box, "PyList_GetItem")
    assert is_call(str(box), end, "PyList_GetItem") is True
    build(tmp_path, source=SOURCE.replace("PyList_GetItem", "PyTuple_GetItem"))

    assert is_call(str(box), end, "PyList_GetItem") is False
    assert is_call(str(box), end, "PyTuple_GetItem") is True


def test_own_function_of_that_name_may_do_anything(tmp_path: Path) -> None:
    own = "int PyErr_Occurred(void) { return elsewhere(2); }\n"
    box = build(tmp_path, source=SOURCE.replace("void *taken", own + "void *taken"))
    assert is_call(str(box), end_of(box, "PyErr_Occurred"), "PyList_GetItem") is None


@pytest.mark.parametrize("path", ["", "/nowhere/x.so", "/", "a\0b", __file__])
def test_what_cannot_be_read_says_nothing(path: str) -> None:
    assert is_call(path, 0x10, "PyList_GetItem") is None
    assert ends_call(path, 0x10) is None


def test_other_architectures_are_only_asked_for_a_call(tmp_path: Path) -> None:
    box = build(tmp_path)
    [first, *_] = code_of(box, "outer")
    raw = bytearray(box.read_bytes())
    struct.pack_into("<H", raw, 18, 183)  # EM_AARCH64; code is where it is in memory, by our layout
    at = first + -first % 4
    words = {at + 4: 0x94000010, at + 8: 0xD63F0100, at + 12: 0xD73F0901, at + 16: 0xAA0003E0}
    for end, word in words.items():
        struct.pack_into("<I", raw, end - 4, word)
    box.write_bytes(raw)
    answers = [is_call(str(box), end, "PyList_GetItem") for end in words]

    assert answers == [None, None, None, False]
    assert is_call(str(box), at + 6, "PyList_GetItem") is False
    struct.pack_into("<H", raw, 18, 243)  # EM_RISCV
    box.write_bytes(raw)
    assert is_call(str(box), at + 16, "PyList_GetItem") is None


@pytest.mark.slow
def test_damaged_files_never_raise(tmp_path: Path) -> None:
    box = build(tmp_path)
    whole, end = box.read_bytes(), end_of(box, "PyList_GetItem")
    for step in range(120):
        damaged = bytearray(whole)
        for position in range(step * 7, len(damaged), 997):
            damaged[position] = (damaged[position] * 31 + step) % 256
        path = tmp_path / f"{step}.so"
        path.write_bytes(damaged[: len(damaged) - (step % 3) * 1000])
        assert is_call(str(path), end, "PyList_GetItem") in (True, False, None)


@pytest.mark.slow
@pytest.mark.parametrize("path", [getattr(_csv, "__file__", ""), os.path.realpath(sys.executable)])
def test_no_call_of_a_real_file_is_refused(path: str) -> None:
    if not path:
        pytest.skip("this interpreter has it built in")
    leading = {end: name for end, name in calls_in(Path(path)).items() if name in WRAPPED}
    if Path(path).name.startswith("python"):
        blocking = {symbol.name for symbol in SYMBOLS if symbol.kind.value == "block"}
        leading = {end: name for end, name in leading.items() if name in blocking}
    assert leading
    assert {is_call(path, end, name) for end, name in leading.items()} == {True}
