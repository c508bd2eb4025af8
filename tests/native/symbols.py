"""Names for frames, by an ELF reader of its own: the product's is under test elsewhere."""

from collections.abc import Sequence

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stressor.model.evidence import Frame


def function_at(frame: Frame) -> str:
    """The function that contains the frame's offset; the return address is after the call."""
    with open(frame.path, "rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return ""
        for symbol in table.iter_symbols():
            start = symbol["st_value"]
            inside = 0 <= frame.offset - 1 - start < symbol["st_size"]
            if symbol["st_info"]["type"] == "STT_FUNC" and inside:
                return str(symbol.name)
    return ""


def functions(frames: Sequence[Frame], module: str) -> list[str]:
    """The functions of one module on a stack, innermost first."""
    return [function_at(frame) for frame in frames if frame.module.split(".")[0] == module]
