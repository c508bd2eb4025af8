"""Names out of real ELF files: one that is compiled here, and the interpreter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stressor.model.evidence import Crash, End, Ending, Event, Evidence, Frame, Loss
from stressor.model.site import Category, Phase, Site
from stressor.symbols.symbolizer import Symbolizer

SOURCE = """\
struct box { long count; int items[4]; };

static inline __attribute__((always_inline)) int peek(struct box *box, int i)
{
    return *(volatile int *)&box->items[i];
}

static __attribute__((noinline)) int inner(struct box *box)
{
    return peek(box, 1)
         + peek(box, 2);
}

int outer(struct box *box)
{
    return inner(box) + 2;
}
"""
INNER_LINES = {"box.c:9", "box.c:10", "box.c:11", "box.c:12"}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds what is looked at")


def build(folder: Path, *flags: str, name: str = "box.so") -> Path:
    (folder / "box.c").write_text(SOURCE)
    command = ["gcc", "-shared", "-fPIC", "-O2", "-g", *flags, "-o", name, "box.c"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder / name


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("box"))


def extent(path: Path, function: str, table: str = ".symtab") -> tuple[int, int]:
    """Address and size of a function, by pyelftools' own way of reading symbols."""
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(table)
        assert isinstance(section, SymbolTableSection)
        symbols = section.get_symbol_by_name(function)
    assert symbols
    return symbols[0]["st_value"], symbols[0]["st_size"]


def resolved(path: Path, offset: int, symbolizer: Symbolizer | None = None) -> Frame:
    frame = Frame(path.name, offset, path=str(path))
    return (symbolizer or Symbolizer()).resolve(frame)


def test_an_exported_and_a_local_function_are_named(box: Path) -> None:
    for function in ("outer", "inner"):
        start, size = extent(box, function)
        for offset in (start + 1, start + size):
            assert resolved(box, offset).function == function


def test_a_return_address_belongs_to_the_call_before_it(box: Path) -> None:
    start, _ = extent(box, "outer")
    assert resolved(box, start).function != "outer"


def test_lines_are_those_of_the_named_function_and_not_of_what_is_inlined(box: Path) -> None:
    start, size = extent(box, "inner")
    lines = {resolved(box, start + 1 + i).source for i in range(size)}
    assert lines <= INNER_LINES
    # Both calls of `peek` are told apart.
    assert len(lines) >= 2


@pytest.mark.parametrize("flags", [("-gdwarf-4",), ("-gdwarf-5",), ("-gdwarf-5", "-gz=zlib")])
def test_versions_of_the_debug_information(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = build(tmp_path, *flags)
    start, _ = extent(path, "inner")
    assert resolved(path, start + 1).source in INNER_LINES


def test_without_an_index_of_addresses_the_units_are_asked(tmp_path: Path) -> None:
    path = build(tmp_path)
    command = ["objcopy", "--remove-section", ".debug_aranges", str(path)]
    subprocess.run(command, check=True, timeout=60)
    start, _ = extent(path, "inner")
    assert resolved(path, start + 1).source in INNER_LINES


def test_without_debug_information_there_is_a_name_and_no_line(tmp_path: Path) -> None:
    path = build(tmp_path, "-g0")
    start, _ = extent(path, "inner")
    assert resolved(path, start + 1) == Frame("box.so", start + 1, "inner", None, str(path))


def test_a_stripped_file_names_what_it_exports(tmp_path: Path, box: Path) -> None:
    stripped = tmp_path / "box.so"
    subprocess.run(["strip", "-o", stripped, box], check=True, timeout=60)
    outer, inner = extent(box, "outer")[0] + 1, extent(box, "inner")[0] + 1
    assert resolved(stripped, outer).function == "outer"
    assert resolved(stripped, inner) == Frame("box.so", inner, path=str(stripped))


def test_a_separate_debug_file_is_found_by_the_build_id(tmp_path: Path) -> None:
    path = build(tmp_path, f"-Wl,--build-id=0x{'ab' * 20}")
    start, _ = extent(path, "inner")
    home = tmp_path / "debug" / ".build-id" / "ab"
    home.mkdir(parents=True)
    separate = home / f"{'ab' * 19}.debug"
    subprocess.run(["objcopy", "--only-keep-debug", path, separate], check=True, timeout=60)
    subprocess.run(["strip", path], check=True, timeout=60)
    frame = resolved(path, start + 1, Symbolizer(tmp_path / "debug"))
    assert frame.function == "inner"
    assert frame.source in INNER_LINES
    assert resolved(path, start + 1, Symbolizer(tmp_path / "nothing")).function is None


def test_clones_made_by_the_compiler_have_the_name_of_the_source(tmp_path: Path) -> None:
    path = build(tmp_path, "-g0")
    for suffix in (".constprop.0", ".part.3.cold", ".isra.0.lto_priv.1"):
        renamed = tmp_path / f"renamed{suffix}.so"
        start, _ = extent(path, "inner")
        command = ["objcopy", f"--redefine-sym=inner=inner{suffix}", str(path), str(renamed)]
        subprocess.run(command, check=True, timeout=60)
        assert resolved(renamed, start + 1).function == "inner"


def test_a_file_that_is_built_again_is_read_again(tmp_path: Path) -> None:
    symbolizer = Symbolizer()
    path = build(tmp_path, "-g0")
    assert resolved(path, extent(path, "outer")[0] + 1, symbolizer).function == "outer"
    subprocess.run(["objcopy", "--redefine-sym=outer=other", path], check=True, timeout=60)
    os.utime(path, ns=(1, 1))
    assert resolved(path, extent(path, "other")[0] + 1, symbolizer).function == "other"


@pytest.mark.parametrize("path", ["", "/nowhere/x.so", "/", "a\0b", __file__])
def test_what_is_no_elf_file_changes_nothing(path: str) -> None:
    frame = Frame("x.so", 0x10, path=path)
    assert Symbolizer().resolve(frame) is frame


@pytest.mark.slow
def test_damaged_files_never_raise(tmp_path: Path, box: Path) -> None:
    whole = box.read_bytes()
    start, _ = extent(box, "inner")
    for step in range(120):
        damaged = bytearray(whole)
        # A fixed walk over the file: headers, symbol tables and debug sections all get hit.
        for position in range(step * 7, len(damaged), 997):
            damaged[position] = (damaged[position] * 31 + step) % 256
        path = tmp_path / f"{step}.so"
        path.write_bytes(damaged[: len(damaged) - (step % 3) * 1000])
        frame = resolved(path, start + 1)
        assert frame.offset == start + 1


def test_sites_are_named_with_their_offset_in_the_function(box: Path) -> None:
    start, _ = extent(box, "outer")
    site = Site(f"call:box:PyList_GetItem+{start + 5:#x}", Category.BORROWED_REF, (Phase.AFTER,))
    named = Symbolizer().resolve_site(evolve(site, path=str(box)))
    assert named.function == "outer+0x5"
    assert named.source is not None
    assert named.source.startswith("box.c:")
    assert Symbolizer().resolve_site(site) is site


def test_all_frames_of_evidence_are_resolved(box: Path) -> None:
    start, _ = extent(box, "inner")
    frame = Frame("box.so", start + 1, path=str(box))
    site = Site(f"call:box:f+{start + 1:#x}", Category.LOCK, (), path=str(box))
    evidence = Evidence(
        Ending(End.SIGNALLED, 11),
        crash=Crash(11, 0, 0, (frame,)),
        losses=(Loss("x", 0, 1, "str", 1, None, (frame,), (frame, frame)),),
        sites=(site,),
    )
    named = Symbolizer().name_evidence(evidence)
    assert named.crash is not None
    [loss], [found] = named.losses, named.sites
    frames = named.crash.frames + loss.borrower_frames + loss.destroyer_frames
    assert [each.function for each in frames] == ["inner"] * 4
    assert found.function == "inner+0x1"


def test_clean_evidence_costs_nothing() -> None:
    clean = Evidence(Ending(End.EXITED), rounds=1, sites=(Site("op:target:f", Category.OP, ()),))
    assert Symbolizer().name_evidence(clean) is clean
    told = evolve(clean, events=((Event(0, 1, "op:target:f", 1, Phase.BEFORE),),))
    assert Symbolizer().name_evidence(told) == told
    assert Symbolizer().locate_evidence(told) == told


@pytest.mark.slow
def test_the_interpreter_names_its_own_functions() -> None:
    executable = Path(os.path.realpath(sys.executable))
    start, size = extent(executable, "PyList_Append", ".dynsym")
    if not size:
        pytest.skip("this interpreter keeps its functions in a shared library")
    frame = resolved(executable, start + 4)
    assert frame.function == "PyList_Append"
    assert frame.source is None or frame.source.startswith("Objects/listobject.c:")
