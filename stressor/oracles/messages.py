"""Messages of dying processes: which line tells, and the same line without what changes per run.

Recognized: CPython's fatal errors and its debug allocator (`Python/pylifecycle.c`, `fatal_error`;
`Objects/obmalloc.c`, `_PyObject_DebugDumpAddress`), glibc's heap checks (`malloc/malloc.c`,
`malloc_printerr`), failed assertions of C, uncaught exceptions of C++ and panics of Rust.
"""

import re

from attrs import frozen

MOST_CHARACTERS = 160


@frozen
class Report:
    """One telling line; `late` says that it was found later and elsewhere than it was caused."""

    text: str
    late: bool = False


# These checks look at a block because somebody allocates: whoever does so is not to blame. The
# others look at the very block that is being freed.
_LATE = re.compile(
    r"malloc\(\)|malloc_consolidate|corrupted|invalid next|invalid old|!prev|\(out\)|\(top\)"
    r"|malloc assertion|unaligned|unsorted|largebin|realloc\(\): invalid next"
)
_GLIBC = re.compile(
    r"(?:free|malloc|realloc|calloc|munmap_chunk|malloc_consolidate)\(\): [a-z][^\n]*"
    r"|double free or corruption \([^)\n]*\)"
    r"|corrupted (?:size vs\. prev_size|double-linked list)[^\n]*"
    r"|Fatal glibc error: [^\n]*"
    r"|\*\*\* stack smashing detected \*\*\*"
)
_DEBUG_BLOCK = re.compile(r"Debug memory block at address p=")
_FATAL = re.compile(r"^Fatal Python error: [^\n]*", re.MULTILINE)
_OTHERS = re.compile(
    r"[^\n]*Assertion `[^\n]*' failed\.?"
    r"|terminate called after throwing[^\n]*|terminate called without[^\n]*"
    r"|thread '[^'\n]*' (?:\(\d+\) )?panicked at [^\n]*"
    r"|ERROR: AddressSanitizer: [^\n]*"
)

_REPLACED = (
    (re.compile(r"\b0x[0-9A-Fa-f]+\b"), "ADDRESS"),
    (re.compile(r"[\w.~-]*/(?:[\w.+~-]+/)*(?=[\w+-]+\.\w)"), ""),
    (re.compile(r"\b\d+(?:\.\d+)?\b"), "N"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "'...'"),
    (re.compile(r"\s+"), " "),
)


def report_of(stderr: str) -> Report | None:
    """Return the line of a child's standard error that tells why it died, if there is one."""
    fatal = _last(_FATAL, stderr)
    # faulthandler's own "Fatal Python error: Segmentation fault" says no more than the signal.
    if fatal and not re.search(r": (Segmentation fault|Bus error|Aborted|Illegal|Floating)", fatal):
        block = " (debug allocator)" if _DEBUG_BLOCK.search(stderr) else ""
        return Report(normalized(fatal) + block)
    glibc = _last(_GLIBC, stderr)
    if glibc:
        return Report(normalized(glibc), late=bool(_LATE.search(glibc)))
    other = _last(_OTHERS, stderr)
    if other:
        return Report(normalized(other))
    if _DEBUG_BLOCK.search(stderr):
        return Report("the debug allocator found a damaged memory block")
    return None


def normalized(text: str) -> str:
    """Text without addresses, numbers, quoted contents and folders, on one line and not long."""
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    text = text.strip()
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."


def first_line(text: str) -> str:
    """Return the last line of a traceback or the first of any other text, at most 300 characters."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return line.strip()[:300]


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        found = match[0]
    return found
