"""Source lines from DWARF: address to "file.c:123" inside the function that contains the address.

Finds the compilation unit, by the file's own index where the compiler wrote one and else by an index
made of the units' ranges; the unit does the rest. Everything is read when first asked for, a unit at
a time, since the interpreter has 30 MB of this. Source: DWARF 5, section 6.1.2 (address ranges).
"""

from bisect import bisect_right

from elftools.dwarf.dwarfinfo import DWARFInfo

from stressor.symbols.ranges import ranges_of
from stressor.symbols.units import Unit

# The evaluation loop alone has tens of thousands of inlined pieces, and nobody asks about them.
MOST_INLINED_BYTES = 1 << 16


class LineTable:
    """Source lines of one file; what pyelftools raises on broken data passes through."""

    def __init__(self, dwarf: DWARFInfo) -> None:
        self._dwarf = dwarf
        self._aranges = dwarf.get_aranges()
        self._index: list[tuple[int, int, int]] | None = None
        self._units: dict[int, Unit] = {}

    def find(self, address: int, function_bytes: int) -> str | None:
        """Return "file.c:123" for an address, or None; the size is that of its function."""
        offset = self._unit_offset(address)
        if offset is None:
            return None
        if offset not in self._units:
            self._units[offset] = Unit(self._dwarf, self._dwarf.get_CU_at(offset))
        unit = self._units[offset]
        place = unit.call_of_inlined(address) if function_bytes <= MOST_INLINED_BYTES else None
        return place or unit.line(address)

    def _unit_offset(self, address: int) -> int | None:
        if self._aranges is not None:
            offset: int | None = self._aranges.cu_offset_at_addr(address)
            if offset is not None:
                return offset
        if self._index is None:
            self._index = sorted(
                (start, end, unit.cu_offset)
                for unit in self._dwarf.iter_CUs()
                for start, end in ranges_of(self._dwarf, unit.get_top_DIE())
            )
        found = bisect_right(self._index, address, key=lambda entry: entry[0]) - 1
        if found < 0 or address >= self._index[found][1]:
            return None
        return self._index[found][2]
