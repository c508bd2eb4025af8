"""Whether a call that leads to a symbol ends at an offset of an ELF file: does a site still exist?

Decides only what is certain. A wrapper's return address need not follow a call of its symbol: the
called function may have jumped to it as its last deed. So calls of what may do that are told apart
from those that cannot: a call through an own slot to another catalogued symbol, whose wrapper returns
to its caller. Reads program headers and the dynamic table, which strip keeps; other architectures than
x86-64 are only asked for a call. Sources: System V ABI, AMD64 supplement, 5.2 (GOT and PLT); ELF-64,
chapters 5 and 6; Arm A64 instruction set, BL and BLR.
"""

import struct
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

import capstone
from attrs import frozen
from capstone import x86
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_D_TAG

from stressor.model.catalogue import SYMBOLS

_WRAPPED = frozenset(symbol.name for symbol in SYMBOLS)

_TABLES = (("DT_RELA", "DT_RELASZ"), ("DT_JMPREL", "DT_PLTRELSZ"))
_GLOB_DAT, _JUMP_SLOT = 6, 7  # R_X86_64: these the program itself never changes, unlike a pointer
_SYMBOL_BYTES = 24
_EXECUTABLE = 1
_LONGEST = 15  # bytes of an instruction
_STUB_INSTRUCTIONS = 3  # before the jump there may be endbr64, and a load of the relocation's index
_DIRECT, _DIRECT_CODES = 5, (0xE8, 0xE9)  # bytes of a call or jump over 32 bits
_KEPT = 8  # files: an interpreter has 10 MB


@frozen
class _Slot:
    """What the loader puts into a word of the GOT; `outside`: the file does not define it itself."""

    name: str
    outside: bool


@frozen
class _Segment:
    start: int
    data: bytes
    executable: bool


@frozen
class _Image:
    machine: str
    segments: tuple[_Segment, ...]
    slots: dict[int, _Slot]

    def code(self, address: int) -> _Segment | None:
        """The executable segment with this address."""
        for each in self.segments:
            if each.executable and each.start <= address < each.start + len(each.data):
                return each
        return None


def is_call(path: str, offset: int, symbol: str) -> bool | None:
    """Whether the instruction that ends at `offset` is a call that leads to `symbol`.

    The file is taken to be instrumented. True also for calls whose destination the file does not say;
    None when it cannot be told. False is certain: no visit of that symbol returns there.
    """
    return _judged(path, offset, symbol)


def ends_call(path: str, offset: int) -> bool | None:
    """Whether any call ends at `offset`; None when it cannot be told."""
    return _judged(path, offset, None)


def calls_of(path: str, start: int, end: int, symbol: str) -> tuple[int, ...] | None:
    """Where those calls end, of the code from `start` to `end`, that lead to `symbol` for certain.

    In the order of addresses. None when the code cannot be read from its start to its end.
    """
    image = _image(path)
    segment = image.code(start) if image is not None and image.machine == "EM_X86_64" else None
    if image is None or segment is None:
        return None
    code = segment.data[start - segment.start : end - segment.start]
    following, ends = start, []
    # Without operands at first: that is ten times as fast, and few instructions are calls.
    for address, size, mnemonic, _ in _decoder().disasm_lite(code, start):
        following = address + size
        if mnemonic.rpartition(" ")[2] == "call":
            ends.append(following)
    if following != end:
        return None
    return tuple(each for each in ends if _is_certain(image, segment, each, symbol))


def direct_calls(
    path: str, start: int, end: int, targets: Collection[int]
) -> tuple[int, ...] | None:
    """Where the calls and jumps end that lead straight to one of `targets`, of the code in between.

    In the order of addresses. None when the code cannot be read from its start to its end.
    """
    image = _image(path)
    segment = image.code(start) if image is not None and image.machine == "EM_X86_64" else None
    if segment is None:
        return None
    code = segment.data[start - segment.start : end - segment.start]
    following, ends = start, []
    for address, size, mnemonic, operand in _decoder().disasm_lite(code, start):
        following = address + size
        leaves = mnemonic.rpartition(" ")[2] in ("call", "jmp") and operand.startswith("0x")
        if leaves and size >= _DIRECT and int(operand, 16) in targets:
            ends.append(following)
    return tuple(ends) if following == end else None


def is_direct_call(path: str, offset: int, targets: Collection[int]) -> bool | None:
    """Whether a call or jump that ends at `offset` leads straight to one of `targets`.

    None when the file cannot be read.
    """
    image = _image(path)
    if image is None or image.machine != "EM_X86_64":
        return None
    segment = image.code(offset - 1)
    at = offset - _DIRECT - segment.start if segment is not None else -1
    if segment is None or at < 0 or segment.data[at] not in _DIRECT_CODES:
        return False
    leads: int = struct.unpack_from("<i", segment.data, at + 1)[0]
    return offset + leads in targets


def _is_certain(image: _Image, segment: _Segment, end: int, symbol: str) -> bool:
    slots = (_destination(image, call) for call in _calls(image, segment, end))
    return any(slot is not None and slot.name == symbol for slot in slots)


def _judged(path: str, offset: int, symbol: str | None) -> bool | None:
    image = _image(path)
    if image is None:
        return None
    segment = image.code(offset - 1)
    if segment is None:
        return False
    if image.machine == "EM_AARCH64":
        return None if _is_arm_call(segment, offset) else False
    if image.machine != "EM_X86_64":
        return None
    # What was instruction and what was operand is not known, so every length is tried.
    answers = [_leads(image, call, symbol) for call in _calls(image, segment, offset)]
    if True in answers:
        return True
    return None if None in answers else False


def _is_arm_call(segment: _Segment, offset: int) -> bool:
    at = offset - 4 - segment.start
    if offset % 4 or at < 0:
        return False
    word: int = struct.unpack_from("<I", segment.data, at)[0]
    through_register = word & 0xFEFFF000 == 0xD63F0000  # BLR and its authenticating variants
    return word >> 26 == 0b100101 or through_register


def _calls(image: _Image, segment: _Segment, offset: int) -> Iterator[capstone.CsInsn]:
    """Every way to read the bytes before `offset` as one call."""
    decoder = _decoder()
    end = offset - segment.start
    for length in range(2, min(_LONGEST, end) + 1):
        code = segment.data[end - length : end]
        for found in decoder.disasm(code, offset - length, 1):
            if found.size != length or found.id not in (x86.X86_INS_CALL, x86.X86_INS_LCALL):
                continue
            target = found.operands[0]
            if target.type != x86.X86_OP_IMM or image.code(target.imm) is not None:
                yield found


def _leads(image: _Image, call: capstone.CsInsn, symbol: str | None) -> bool | None:
    if symbol is None:
        return True
    slot = _destination(image, call)
    if slot is None:
        # A function of this file may jump anywhere; a pointer may lead there.
        return None if call.operands[0].type == x86.X86_OP_IMM else True
    if slot.name == symbol:
        return True
    return False if slot.outside and slot.name in _WRAPPED else None


def _destination(image: _Image, call: capstone.CsInsn) -> _Slot | None:
    target = call.operands[0]
    if target.type == x86.X86_OP_IMM:
        return _jumped_slot(image, target.imm)
    return image.slots.get(_relative(call, call.address + call.size))


def _jumped_slot(image: _Image, address: int) -> _Slot | None:
    """The slot through which the code at `address` jumps at once, as a stub of a PLT does."""
    segment = image.code(address)
    if segment is None:
        return None
    begin = address - segment.start
    code = segment.data[begin : begin + _LONGEST * (_STUB_INSTRUCTIONS + 1)]
    for found in _decoder().disasm(code, address, _STUB_INSTRUCTIONS):
        if found.id == x86.X86_INS_JMP:
            return image.slots.get(_relative(found, found.address + found.size))
        loads_index = found.id == x86.X86_INS_MOV and found.operands[1].type == x86.X86_OP_IMM
        if not (found.id == x86.X86_INS_ENDBR64 or loads_index):
            break
    return None


def _relative(jump: capstone.CsInsn, following: int) -> int:
    """The address of the word at [rip + n] that it goes through; -1 when it is another kind."""
    target = jump.operands[0]
    if target.type != x86.X86_OP_MEM or target.mem.base != x86.X86_REG_RIP or target.mem.index:
        return -1
    at: int = following + target.mem.disp
    return at


def _decoder() -> capstone.Cs:
    # One for each question: a decoder is no thing to share between threads.
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return decoder


def _image(path: str) -> _Image | None:
    """None for what cannot be read. Damaged files make pyelftools raise anything: see `symbolizer`."""
    try:
        status = Path(path).stat()
        return _read(path, status.st_ino, status.st_size, status.st_mtime_ns)
    except Exception:  # a parser of foreign bytes
        return None


@lru_cache(_KEPT)
def _read(path: str, *_state: int) -> _Image:
    with Path(path).open("rb") as file:
        elf = ELFFile(file)
        if elf.elfclass != 64 or not elf.little_endian:
            raise ValueError("only 64-bit little-endian files")
        segments, dynamic = [], b""
        for each in elf.iter_segments():
            if each["p_type"] in ("PT_LOAD", "PT_DYNAMIC"):
                data = each.data()
                if len(data) != each["p_filesz"]:
                    raise ValueError("the file is cut off")
                if each["p_type"] == "PT_DYNAMIC":
                    dynamic = data
                else:
                    executable = bool(each["p_flags"] & _EXECUTABLE)
                    segments.append(_Segment(each["p_vaddr"], data, executable))
        return _Image(elf["e_machine"], tuple(segments), _slots(dynamic, segments))


def _slots(dynamic: bytes, segments: list[_Segment]) -> dict[int, _Slot]:
    """The words that the loader fills in for a symbol, by their address in the file."""
    numbers = dict(struct.iter_unpack("<qQ", dynamic))
    entries = {name: numbers[tag] for name, tag in ENUM_D_TAG.items() if tag in numbers}
    slots = {}
    for table, size in _TABLES:
        raw = _bytes(segments, entries[table], entries[size]) if table in entries else b""
        for place, info, addend in struct.iter_unpack("<QQq", raw):
            if info & 0xFFFFFFFF in (_GLOB_DAT, _JUMP_SLOT) and addend == 0:
                slots[place] = _slot(segments, entries, info >> 32)
    return slots


def _slot(segments: list[_Segment], entries: dict[str, int], index: int) -> _Slot:
    at = entries["DT_SYMTAB"] + index * _SYMBOL_BYTES
    name, _, _, section = struct.unpack_from("<IBBH", _bytes(segments, at, _SYMBOL_BYTES))
    names = _bytes(segments, entries["DT_STRTAB"], entries["DT_STRSZ"])
    return _Slot(names[name : names.index(b"\0", name)].decode(), section == 0)


def _bytes(segments: list[_Segment], address: int, size: int) -> bytes:
    for each in segments:
        begin = address - each.start
        if begin >= 0 and begin + size <= len(each.data):
            return each.data[begin : begin + size]
    raise ValueError("an address outside of the file")
