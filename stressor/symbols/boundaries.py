"""Where functions begin and end, from the tables for unwinding, which strip keeps.

Decides nothing: what a file says of all of its functions, or that it does not say it in a form that is
read here. A compiler may have moved the seldom part of a function elsewhere; that part is one of its
own. Sources: Linux Standard Base 5, 10.6 (.eh_frame and .eh_frame_hdr), as gcc and clang write them.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable

from attrs import frozen
from elftools.elf.elffile import ELFFile

# Pointer encodings: how the header writes the frames' address, their count, and the table.
_RELATIVE_32, _UNSIGNED_32, _TABLE_RELATIVE_32 = 0x1B, 0x03, 0x3B
_LONG_FORM = 0xFFFFFFFF


class NoBoundaries(ValueError):
    """The file does not say where its functions are; the message is why."""


@frozen
class Boundaries:
    """Starts and ends of functions in the order of their addresses."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def around(self, address: int) -> tuple[int, int] | None:
        """Return start and end of the function that holds the address."""
        index = bisect_right(self.starts, address) - 1
        if index < 0 or address >= self.ends[index]:
            return None
        return self.starts[index], self.ends[index]


def read_boundaries(elf: ELFFile) -> Boundaries:
    """Read them. Raises `NoBoundaries`, and what pyelftools raises on broken data."""
    header = next(
        (each for each in elf.iter_segments() if each["p_type"] == "PT_GNU_EH_FRAME"), None
    )
    if header is None:
        raise NoBoundaries("it has no table of its functions (.eh_frame_hdr)")
    data, base = header.data(), header["p_vaddr"]
    version, frames, count_form, table_form = struct.unpack_from("<4B", data)
    if (version, frames, count_form, table_form) != (
        1,
        _RELATIVE_32,
        _UNSIGNED_32,
        _TABLE_RELATIVE_32,
    ):
        raise NoBoundaries("its table of functions (.eh_frame_hdr) is of a form that is not known")
    (count,) = struct.unpack_from("<I", data, 8)
    read = _reader(elf)
    functions = []
    for start, frame in struct.iter_unpack("<ii", data[12 : 12 + 8 * count]):
        functions.append(_function(read, base + start, base + frame))
    functions.sort()
    return Boundaries(tuple(start for start, _ in functions), tuple(end for _, end in functions))


def _function(read: Callable[[int, int], bytes], start: int, frame: int) -> tuple[int, int]:
    length, _, begin, size = struct.unpack("<IIiI", read(frame, 16))
    if length == _LONG_FORM or frame + 8 + begin != start:
        raise NoBoundaries("its frames (.eh_frame) are of a form that is not known")
    return start, start + size


def _reader(elf: ELFFile) -> Callable[[int, int], bytes]:
    """Read bytes by their address."""
    loaded = [(each["p_vaddr"], each.data()) for each in elf.iter_segments("PT_LOAD")]

    def read(address: int, size: int) -> bytes:
        for start, data in loaded:
            if start <= address <= start + len(data) - size:
                return data[address - start : address - start + size]
        raise NoBoundaries(f"its table of functions leads to {address:#x}, where nothing is")

    return read
