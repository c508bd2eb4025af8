"""Which instructions of an interpreter call a function of its own: what can be redirected.

Decides it for whole functions: all calls of one are found in two ways, by disassembling every function
of the file and by looking for the bytes, and where the two disagree the function is refused. Which
functions are wanted, and the redirecting itself, are others' business. Reads x86-64 only. Works on a
stripped file as far as its exported names go. Sources: Intel SDM volume 2 (CALL, JMP: e8 and e9 with a
32-bit displacement); gcc's documentation of -fipa-ra and -fipa-sra for what its clones change.
"""

import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import capstone
from attrs import define, field, frozen
from elftools.elf.elffile import ELFFile

from stressor.symbols.boundaries import Boundaries, NoBoundaries, read_boundaries
from stressor.symbols.functions import Symbol, read_symbols
from stressor.symbols.notes import build_id

FINDING = 1
"""Raised when what is found in a file changes, so that what was found earlier is not used."""

_CALL_OR_JUMP = re.compile(rb"[\xe8\xe9]")
_BYTES = 5
_PART = re.compile(r"\.cold(?:\.\d+)?\Z")  # the seldom part of a function: not what a call leads to
_CHANGED = re.compile(r"\.isra\b")  # its arguments are not those of the source


@frozen
class Target:
    """One function, or one clone of it: its address, and the ends of all that calls it there."""

    address: int
    ends: tuple[int, ...]


@frozen
class Calls:
    """All calls of one function: `reason` says why they cannot be redirected, empty when they can.

    `disassembled` and `scanned` count them in the two ways; `note` tells what is not covered.
    """

    name: str
    targets: tuple[Target, ...] = ()
    disassembled: int = 0
    scanned: int = 0
    reason: str = ""
    note: str = ""


@frozen
class CallSites:
    """The calls of all functions that were asked for, in that order; none with a `reason`."""

    path: str
    build_id: str = ""
    functions: tuple[Calls, ...] = ()
    reason: str = ""


def find_calls(path: str, names: Sequence[str]) -> CallSites:
    """Find all calls of the functions of these names. Takes seconds. Raises nothing: see `reason`."""
    try:
        with Path(path).open("rb") as file:
            return _find(path, ELFFile(file), names)
    except NoBoundaries as why:
        return CallSites(path, reason=str(why))
    except Exception as error:  # a parser of foreign bytes: see `symbolizer`
        return CallSites(path, reason=f"it cannot be read: {error}")


def _find(path: str, elf: ELFFile, names: Sequence[str]) -> CallSites:
    if elf["e_machine"] != "EM_X86_64":
        return CallSites(path, reason="only the machine code of x86-64 is known")
    identity = build_id(elf)
    if identity is None:
        return CallSites(path, reason="it has no build id, so that nobody can tell whether it runs")
    symbols = read_symbols(elf)
    by_name: dict[str, list[Symbol]] = defaultdict(list)
    for symbol in symbols.functions:
        if not _PART.search(symbol.name):
            by_name[_plain(symbol.name)].append(symbol)
    wanted = {symbol.value for name in names for symbol in by_name[name]}
    code = _Code(elf, read_boundaries(elf))
    found = code.look_for(wanted)
    missing = "" if symbols.is_full else "the file is stripped, and the function is not exported"
    return CallSites(
        path, identity, tuple(_judge(name, by_name[name], found, missing) for name in names)
    )


def _plain(name: str) -> str:
    return name.partition("@")[0].partition(".")[0]


@define
class _Found:
    """What leads to one address. `odd` are instructions that no other address can be put into."""

    disassembled: set[int] = field(factory=set)
    scanned: set[int] = field(factory=set)
    odd: int = 0
    lost: int = 0  # bytes like a call in code that could not be disassembled
    wide: int = 0  # calls from functions that use registers which the stub does not keep


class _Code:
    """The executable bytes of a file, and its functions."""

    def __init__(self, elf: ELFFile, boundaries: Boundaries) -> None:
        self._segments = [
            (each["p_vaddr"], each.data())
            for each in elf.iter_segments("PT_LOAD")
            if each["p_flags"] & 1
        ]
        self._boundaries = boundaries
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._lost: set[int] = set()  # starts of functions that are not code to their end

    def look_for(self, wanted: set[int]) -> dict[int, _Found]:
        """Everything in the file that leads to one of these addresses."""
        found = {address: _Found() for address in wanted}
        for base, data in self._segments:
            for hit in _CALL_OR_JUMP.finditer(data):
                end = hit.start() + _BYTES
                if end <= len(data):
                    target = base + end + struct.unpack_from("<i", data, end - 4)[0]
                    if target in wanted:
                        found[target].scanned.add(base + end)
        for start, end in zip(self._boundaries.starts, self._boundaries.ends, strict=True):
            self._disassemble(start, end, found)
        for each in found.values():
            each.lost = sum(map(self._is_lost, each.scanned - each.disassembled))
        return found

    def _disassemble(self, start: int, end: int, found: Mapping[int, _Found]) -> None:
        wide, calls, reached = False, list[tuple[_Found, int]](), start
        for address, size, name, operand in self._decoder.disasm_lite(
            self._bytes(start, end), start
        ):
            reached = address + size
            first = name[0]
            if first == "v" and not name.startswith("ver"):
                wide = True
            if not operand.startswith("0x") or (first not in "cj" and " " not in name):
                continue
            target = int(operand, 16)
            each = found.get(target)
            word = name.rpartition(" ")[2]
            if each is None or (word != "call" and start <= target < end):
                continue
            if word in ("call", "jmp") and size >= _BYTES:
                each.disassembled.add(reached)
                calls.append((each, reached))
            else:
                each.odd += 1
        if reached != end:
            self._lost.add(start)
        for each, _ in calls if wide else ():
            each.wide += 1

    def _is_lost(self, end: int) -> bool:
        function = self._boundaries.around(end - 1)
        return function is None or function[0] in self._lost

    def _bytes(self, start: int, end: int) -> bytes:
        for base, data in self._segments:
            if base <= start and end <= base + len(data):
                return data[start - base : end - base]
        return b""


def _judge(
    name: str, symbols: Iterable[Symbol], found: Mapping[int, _Found], missing: str
) -> Calls:
    clones = {symbol.value: symbol.name for symbol in symbols}
    if not clones:
        return Calls(name, reason=missing or "there is no such function: it was inlined")
    each = {address: found[address] for address in sorted(clones)}
    return Calls(
        name,
        tuple(Target(address, tuple(sorted(it.disassembled))) for address, it in each.items()),
        sum(len(it.disassembled) for it in each.values()),
        sum(len(it.scanned) for it in each.values()),
        _reason(clones, each),
        _note(name, clones, each),
    )


def _reason(clones: Mapping[int, str], found: Mapping[int, _Found]) -> str:
    changed = [name for name in clones.values() if _CHANGED.search(name)]
    plain = [name for name in clones.values() if "." not in name]
    if len(plain) > 1:
        return f"{len(plain)} functions have this name"
    if changed:
        return f"the compiler changed its arguments ({', '.join(changed)})"
    unseen = sum(len(it.disassembled - it.scanned) for it in found.values())
    lost = sum(it.lost for it in found.values())
    if unseen or lost:
        return (
            f"disassembly and bytes disagree: {unseen} calls are not in the bytes, and {lost} places "
            "that look like calls are in code that could not be disassembled"
        )
    if wide := sum(it.wide for it in found.values()):
        return f"{wide} of its calls are in code that uses vector registers wider than 128 bits"
    if not any(it.disassembled for it in found.values()):
        return "nothing calls it directly: it is reached through pointers, or was inlined"
    return ""


def _note(name: str, clones: Mapping[int, str], found: Mapping[int, _Found]) -> str:
    notes = [f"as {clone}" for clone in sorted(clones.values()) if clone != name]
    if odd := sum(it.odd for it in found.values()):
        notes.append(f"{odd} conditional or short jumps lead there too, and are not covered")
    return "; ".join(notes)
