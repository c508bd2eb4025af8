"""One compilation unit: its line table and its inlined calls.

An address in an inlined function is told as the line of the call in the real function, so that the
function and the line of a frame belong together: "in `Reader_next`, object.h:749" helps nobody.
Sources: DWARF 5, sections 3.3.8 (inlined subroutines) and 6.2 (line number information).
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from copy import copy
from pathlib import PurePosixPath

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo

from stressor.symbols.ranges import Range, ranges_of

_SUBPROGRAM = "DW_TAG_subprogram"
_INLINED = "DW_TAG_inlined_subroutine"
# What may stand between a unit and its functions, or a function and its inlined calls.
_SCOPES = ("DW_TAG_namespace", "DW_TAG_module", "DW_TAG_structure_type", "DW_TAG_class_type")
_BLOCKS = ("DW_TAG_lexical_block", "DW_TAG_try_block", "DW_TAG_catch_block")
# Marks the rows that end a sequence: no line from there on.
_NO_LINE = 0


class Unit:
    """Lines are decoded when the first one is asked for, functions likewise."""

    def __init__(self, dwarf: DWARFInfo, unit: CompileUnit) -> None:
        self._dwarf = dwarf
        self._top = unit.get_top_DIE()
        self._program = dwarf.line_program_for_CU(unit)
        self._functions: list[tuple[list[Range], DIE]] | None = None
        self._addresses = array("Q")
        self._files = array("L")
        self._lines = array("L")

    def line(self, address: int) -> str | None:
        """Return the row of the line table that covers the address."""
        if not self._addresses:
            self._decode()
        found = bisect_right(self._addresses, address) - 1
        if found < 0 or self._lines[found] == _NO_LINE:
            return None
        return self._place(self._files[found], self._lines[found])

    def call_of_inlined(self, address: int) -> str | None:
        """Return the line that calls the outermost inlined function at the address, if any."""
        if self._functions is None:
            self._functions = [
                (list(ranges_of(self._dwarf, entry)), entry) for entry in _functions(self._top)
            ]
        for ranges, entry in self._functions:
            if any(start <= address < end for start, end in ranges):
                inlined = self._inlined(entry, address)
                attributes = inlined.attributes if inlined is not None else {}
                if "DW_AT_call_file" in attributes and "DW_AT_call_line" in attributes:
                    file, line = attributes["DW_AT_call_file"], attributes["DW_AT_call_line"]
                    return self._place(file.value, line.value)
        return None

    def _inlined(self, entry: DIE, address: int) -> DIE | None:
        for child in entry.iter_children():
            if child.tag not in (_INLINED, *_BLOCKS):
                continue
            ranges = list(ranges_of(self._dwarf, child))
            if ranges and not any(start <= address < end for start, end in ranges):
                continue
            if child.tag == _INLINED and ranges:
                return child
            found = self._inlined(child, address) if child.tag in _BLOCKS else None
            if found is not None:
                return found
        return None

    def _decode(self) -> None:
        if self._program is None:
            return
        # A program keeps its decoded entries, 20 MB for a large unit: the copy takes them along.
        entries = copy(self._program).get_entries()
        states = [entry.state for entry in entries if entry.state is not None]
        # Where one sequence ends another may begin at once: the end must not win.
        states.sort(key=lambda state: (state.address, not state.end_sequence))
        for state in states:
            self._addresses.append(state.address)
            self._files.append(state.file)
            self._lines.append(_NO_LINE if state.end_sequence else state.line)

    def _place(self, file: int, line: int) -> str | None:
        name = self._file_name(file)
        return f"{name}:{line}" if name else None

    def _file_name(self, number: int) -> str | None:
        """Return a name without the folder of the build: of an absolute path only the end."""
        if self._program is None:
            return None
        files, folders = (self._program[key] for key in ("file_entry", "include_directory"))
        # Before version 5 both lists begin with number 1, and folder 0 is that of the build.
        first = 0 if self._program["version"] >= 5 else 1
        if not first <= number < len(files) + first:
            return None
        entry = files[number - first]
        folder = b""
        if first <= entry.dir_index < len(folders) + first:
            folder = folders[entry.dir_index - first]
        path = PurePosixPath(_text(folder)) / _text(entry.name)
        return path.name if path.is_absolute() else str(path)


def _text(name: bytes | str) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _functions(scope: DIE) -> Iterator[DIE]:
    for child in scope.iter_children():
        if child.tag == _SUBPROGRAM:
            yield child
        elif child.tag in _SCOPES:
            yield from _functions(child)
