"""The build id of an ELF file: what tells two builds of one program apart, and a file from another.

Source: the GNU note NT_GNU_BUILD_ID, written by the linker (`ld --build-id`), kept by strip.
"""

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection


def build_id(elf: ELFFile) -> str | None:
    """Return it in hexadecimal digits; None when the file has none."""
    section = elf.get_section_by_name(".note.gnu.build-id")
    if not isinstance(section, NoteSection):
        return None
    for note in section.iter_notes():
        if note["n_type"] == "NT_GNU_BUILD_ID":
            return str(note["n_desc"])
    return None
