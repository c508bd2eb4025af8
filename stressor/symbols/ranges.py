"""Which addresses a debugging entry covers: one pair of addresses, or a list of ranges.

Source: DWARF 5, sections 2.17 (code addresses and ranges), 7.28 (range lists); DWARF 4 has its
lists in another section with base entries, both of which pyelftools reads.
"""

from collections.abc import Iterator

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry

type Range = tuple[int, int]


def ranges_of(dwarf: DWARFInfo, entry: DIE) -> Iterator[Range]:
    """Yield the half-open address ranges of an entry; nothing for an entry without code."""
    attributes = entry.attributes
    if "DW_AT_ranges" in attributes:
        yield from _listed(dwarf, entry)
    elif "DW_AT_low_pc" in attributes and "DW_AT_high_pc" in attributes:
        low: int = attributes["DW_AT_low_pc"].value
        high = attributes["DW_AT_high_pc"]
        # From DWARF 4 on the end may be given as a length: any form but an address is one.
        is_address = high.form.startswith("DW_FORM_addr")
        yield low, high.value if is_address else low + high.value


def _listed(dwarf: DWARFInfo, entry: DIE) -> Iterator[Range]:
    lists, unit = dwarf.range_lists(), entry.cu
    if lists is None or not isinstance(unit, CompileUnit):
        return
    low = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    base: int = low.value if low is not None else 0
    for item in lists.get_range_list_at_offset(entry.attributes["DW_AT_ranges"].value, cu=unit):
        if isinstance(item, BaseAddressEntry):
            base = item.base_address
        else:
            start = 0 if item.is_absolute else base
            yield start + item.begin_offset, start + item.end_offset
