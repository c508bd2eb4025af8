"""Names for frames and sites: opens files, remembers what was read, never fails.

Decides which file tells most about a module: the module itself, or the separate debug file that
its build id names (`/usr/lib/debug/.build-id`, the convention of the distributions and of gdb). A
missing, stripped or broken file leaves a frame as it was: a name is a convenience, evidence is not.
"""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import evolve
from elftools.elf.elffile import ELFFile

from stressor.model.evidence import Evidence, Frame
from stressor.model.site import Site
from stressor.symbols.functions import Function, FunctionTable, read_functions
from stressor.symbols.lines import LineTable
from stressor.symbols.notes import build_id

DEBUG_ROOT = Path("/usr/lib/debug")
MOST_DEBUG_BYTES = 512 << 20


LOCATED_FRAMES = 6
"""Frames of a stack that get their line: each new unit of a big program costs most of a second."""


class Symbolizer:
    """Resolves frames and sites. Threads may share one; each file is read once and then kept."""

    def __init__(self, debug_root: Path = DEBUG_ROOT) -> None:
        self._debug_root = debug_root
        self._modules: dict[str, tuple[tuple[int, int, int], _Module]] = {}
        self._lock = threading.Lock()

    def name(self, frame: Frame) -> Frame:
        """Return the frame with its function, or unchanged."""
        with self._lock:
            module = self._module(frame.path)
            found = module.functions.find(_call(frame.offset)) if module is not None else None
        return frame if found is None else evolve(frame, function=found.name)

    def resolve(self, frame: Frame) -> Frame:
        """Return the frame with its function and source line, or unchanged."""
        source = self._source(frame.path, frame.offset)
        return self.name(frame) if source is None else evolve(self.name(frame), source=source)

    def name_site(self, site: Site) -> Site:
        """Return the site with "function+0x1c", or unchanged."""
        if not _has_place(site) or site.offset is None:
            return site
        with self._lock:
            module = self._module(site.path)
            found = module.functions.find(_call(site.offset)) if module is not None else None
        if found is None:
            return site
        return evolve(site, function=f"{found.name}+{site.offset - found.start:#x}")

    def resolve_site(self, site: Site) -> Site:
        """Return the site with "function+0x1c" and its source line, or unchanged."""
        if not _has_place(site) or site.offset is None:
            return site
        source = self._source(site.path, site.offset)
        return (
            self.name_site(site) if source is None else evolve(self.name_site(site), source=source)
        )

    def functions(self, path: str, name: str) -> tuple[Function, ...]:
        """Return the functions of that name in a file; none when the file does not say."""
        with self._lock:
            module = self._module(path)
            return module.functions.named(name) if module is not None else ()

    def name_evidence(self, evidence: Evidence) -> Evidence:
        """Return the evidence with functions for its frames and sites: what signatures are made of.

        Free for evidence without a failure to tell: a clean trial names thousands of sites to nobody.
        """
        told = evidence.crash, *evidence.losses, *evidence.breaches, *evidence.events
        if not any(told):
            return evidence
        return _mapped(evidence, self._name_all, self.name_site)

    def locate_evidence(self, evidence: Evidence) -> Evidence:
        """Return the evidence with lines as well, for what is shown to people. May take seconds.

        Lines for the innermost `LOCATED_FRAMES` of each stack and for sites that have events.
        """
        shown = {event.site for lane in evidence.events for event in lane}

        def locate(site: Site) -> Site:
            return self.resolve_site(site) if site.key in shown else site

        return _mapped(evidence, self._locate_all, locate)

    def _name_all(self, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        return tuple(map(self.name, frames))

    def _locate_all(self, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        named = self._name_all(frames)
        return tuple(map(self.resolve, named[:LOCATED_FRAMES])) + named[LOCATED_FRAMES:]

    def _source(self, path: str, offset: int) -> str | None:
        with self._lock:
            module = self._module(path)
            return module.source(_call(offset)) if module is not None else None

    def _module(self, path: str) -> "_Module | None":
        if not path:
            return None
        try:
            status = Path(path).stat()
        except (OSError, ValueError):
            return None
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._modules.get(path)
        if known is None or known[0] != state:
            known = self._modules[path] = (state, _Module(Path(path), self._debug_root))
        return known[1]


SYMBOLS = Symbolizer()
"""One for the process: reading an interpreter's tables takes seconds."""


def _call(offset: int) -> int:
    """A return address is where the call ends, which may be the next line or function."""
    return offset - 1


def _has_place(site: Site) -> bool:
    """Only these stand in a file; an operation may be named like one."""
    return site.key.startswith(("call:", "block:", "redirect:"))


def _mapped(
    evidence: Evidence,
    frames: Callable[[Iterable[Frame]], tuple[Frame, ...]],
    site: Callable[[Site], Site],
) -> Evidence:
    crash = evidence.crash
    losses = tuple(
        evolve(
            loss,
            borrower_frames=frames(loss.borrower_frames),
            destroyer_frames=frames(loss.destroyer_frames),
        )
        for loss in evidence.losses
    )
    return evolve(
        evidence,
        crash=crash and evolve(crash, frames=frames(crash.frames)),
        losses=losses,
        breaches=tuple(evolve(each, frames=frames(each.frames)) for each in evidence.breaches),
        sites=tuple(map(site, evidence.sites)),
    )


class _Module:
    """One ELF file, with the file that holds its debug information if that is another one.

    Any exception means "no names": on damaged files pyelftools was seen to raise nine kinds, among
    them MemoryError and NotImplementedError, and a missing name must not cost a finding.
    """

    def __init__(self, path: Path, debug_root: Path) -> None:
        self.functions = FunctionTable([])
        self._path = path
        self._sources: dict[int, str | None] = {}
        self._lines: LineTable | None = None
        self._lines_read = False
        try:
            self._open(path, debug_root)
        except Exception:  # a parser of foreign bytes: see above
            self._lines_read = True

    def source(self, address: int) -> str | None:
        """Return the line that contains the address."""
        function = self.functions.find(address)
        if function is None:
            return None
        if address not in self._sources:
            self._sources[address] = self._line(address, function)
        return self._sources[address]

    def _line(self, address: int, function: Function) -> str | None:
        try:
            if not self._lines_read:
                self._lines_read = True
                self._lines = _read_lines(self._path)
            if self._lines is None:
                return None
            return self._lines.find(address, function.end - function.start)
        except Exception:  # a parser of foreign bytes: see `_Module`
            return None

    def _open(self, path: Path, debug_root: Path) -> None:
        with path.open("rb") as file:
            elf = ELFFile(file)
            if elf.elfclass != 64:
                return
            self.functions = read_functions(elf)
            has_all = elf.get_section_by_name(".symtab") and elf.has_dwarf_info()
            identity = None if has_all else build_id(elf)
        if identity:
            separate = debug_root / ".build-id" / identity[:2] / f"{identity[2:]}.debug"
            if separate.is_file():
                self._use_separate(separate)

    def _use_separate(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            fuller = read_functions(ELFFile(file))
        if len(fuller) > len(self.functions):
            self.functions = fuller


def _read_lines(path: Path) -> LineTable | None:
    with path.open("rb") as file:
        elf = ELFFile(file)
        sections = (section for section in elf.iter_sections() if "debug_" in section.name)
        if not elf.has_dwarf_info() or sum(map(_bytes, sections)) > MOST_DEBUG_BYTES:
            return None
        # pyelftools copies the sections, so the file may be closed.
        return LineTable(elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False))


def _bytes(section: object) -> int:
    return int(getattr(section, "data_size", 0))
