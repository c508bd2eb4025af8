"""The functions of one ELF file: address to name, from its symbol table.

Decides which of several names of one address is shown and what is cut off a name. Reads the table as
raw bytes, because the interpreter has ten thousand symbols and a parsed object for each is slow.
Source: ELF-64 object file format, chapter 4; suffixes are those that gcc and clang add to clones.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from attrs import frozen
from elftools.elf.elffile import ELFFile

# name, info, other, section, value, size
_SYMBOL = "IBBHQQ"
_FUNCTION_TYPES = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_CLONE = re.compile(r"(?:\.(?:cold|part|constprop|isra|lto_priv|llvm|localalias)(?:\.\d+)*)+\Z")
_VERSION = re.compile(r"@.*\Z")


@frozen
class Function:
    """One function: `start` and `end` are addresses of the file, the end is not part of it."""

    name: str
    start: int
    end: int


class FunctionTable:
    """Functions sorted by address; `find` is a binary search."""

    def __init__(self, functions: list[Function]) -> None:
        self._functions = functions
        self._starts = [function.start for function in functions]

    def __len__(self) -> int:
        return len(self._functions)

    def find(self, address: int) -> Function | None:
        """Return the function that contains the address, or None."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._functions[index].end:
            return None
        return self._functions[index]

    def named(self, name: str) -> tuple[Function, ...]:
        """Return all functions of the name: static ones may share it, and parts of one function do."""
        return tuple(each for each in self._functions if each.name == name)


@frozen
class Symbol:
    """A function's name as the file has it, with what a compiler added to it."""

    name: str
    binding: int
    value: int
    size: int


@frozen
class SymbolList:
    """The functions of a symbol table; `is_full` unless the file was stripped."""

    functions: tuple[Symbol, ...] = ()
    is_full: bool = False


def read_symbols(elf: ELFFile) -> SymbolList:
    """Read the fullest symbol table of a file: `.symtab`, or `.dynsym` when it was stripped."""
    for section, names in ((".symtab", ".strtab"), (".dynsym", ".dynstr")):
        symbols, strings = elf.get_section_by_name(section), elf.get_section_by_name(names)
        if symbols is not None and strings is not None and symbols["sh_type"] != "SHT_NOBITS":
            order = "<" if elf.little_endian else ">"
            found = _symbols(symbols.data(), strings.data(), order)
            return SymbolList(tuple(found), section == ".symtab")
    return SymbolList()


def read_functions(elf: ELFFile) -> FunctionTable:
    """Read all functions, each under its best name."""
    return FunctionTable(list(_functions(read_symbols(elf).functions)))


def _symbols(symbols: bytes, strings: bytes, order: str) -> Iterator[Symbol]:
    for name, info, _, section, value, size in struct.iter_unpack(order + _SYMBOL, symbols):
        if info & 15 in _FUNCTION_TYPES and section != 0:
            text = strings[name : strings.index(b"\0", name)].decode(errors="replace")
            yield Symbol(text, info >> 4, value, size)


def _functions(symbols: Iterable[Symbol]) -> Iterator[Function]:
    best: dict[int, tuple[tuple[int, int, str], int]] = {}
    for symbol in symbols:
        found = (_rank(symbol.name, symbol.binding), symbol.size)
        if symbol.value not in best or found < best[symbol.value]:
            best[symbol.value] = found
    starts = sorted(best)
    for start, following in zip(starts, [*starts[1:], 1 << 64], strict=True):
        (_, _, name), size = best[start]
        # Functions written in assembler may have no size: such a one ends where the next begins.
        yield Function(_source_name(name), start, start + size if size else following)


def _rank(name: str, binding: int) -> tuple[int, int, str]:
    """Exported before local, few leading underscores before many: the name that people know."""
    exported = {_GLOBAL: 0, _WEAK: 1}.get(binding, 2)
    return exported, len(name) - len(name.lstrip("_")), name


def _source_name(name: str) -> str:
    """Cut off what the compiler or the linker added, so that one function has one name."""
    return _CLONE.sub("", _VERSION.sub("", name))
