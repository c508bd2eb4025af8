"""Reads the stacks of a hung child, as text of any of the stack providers, into frames.

Formats: pystack (`(C) File "x.c", line 1, in f (/path/module.so)`, `(Python) File ...`, outermost
frame first), py-spy's dump (`    f (file:1)`, innermost first) and CPython's faulthandler
(`  File "x.py", line 1 in f`, innermost first). What cannot be read is left out; the text itself
is shown to the user anyway.
"""

import re
from collections.abc import Iterator

from attrs import frozen

from stressor.model.evidence import Frame


@frozen
class PythonFrame:
    """One frame of Python code: full path of its file and the name of its function."""

    file: str
    function: str


type AnyFrame = Frame | PythonFrame

_PYSTACK_THREAD = re.compile(r"Traceback for thread ")
_PYSTACK_NATIVE = re.compile(
    r'\s*\(C\) File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<function>.+?)'
    r"(?P<inlined> \(inlined\))?(?: \((?P<path>/[^)]*)\))?\s*\Z"
)
_PYSTACK_PYTHON = re.compile(
    r'\s*\(Python\) File "(?P<file>[^"]*)", line \d+, in (?P<function>.+)\Z'
)
_FAULTHANDLER_THREAD = re.compile(r"(?:Current thread|Thread) 0x[0-9a-f]+.*most recent call first")
_FAULTHANDLER_FRAME = re.compile(
    r'\s+File "(?P<file>[^"]*)", line (?:\d+|\?\?\?) in (?P<function>.+)\Z'
)
_PYSPY_THREAD = re.compile(r"Thread (?:0x[0-9A-Fa-f]+|\d+) \(\S+\)")
_PYSPY_FRAME = re.compile(r"    (?P<function>\S.*) \((?P<file>[^()]+?)(?::\d+)?\)\Z")


def read_stacks(text: str) -> tuple[tuple[AnyFrame, ...], ...]:
    """Return one stack for each thread, innermost frame first; empty for text of another kind."""
    stacks: list[list[AnyFrame]] = []
    outermost_first = bool(_PYSTACK_THREAD.search(text))
    for line in text.splitlines():
        if _begins_thread(line):
            stacks.append([])
        elif stacks:
            stacks[-1].extend(_frames(line))
    return tuple(tuple(reversed(s) if outermost_first else s) for s in stacks)


def _begins_thread(line: str) -> bool:
    return any(p.match(line) for p in (_PYSTACK_THREAD, _FAULTHANDLER_THREAD, _PYSPY_THREAD))


def _frames(line: str) -> Iterator[AnyFrame]:
    if native := _PYSTACK_NATIVE.match(line):
        # Inlined functions depend on the compiler's mood: the function around them is stable.
        if not native["inlined"]:
            path = native["path"] or ""
            function = native["function"].split("@", 1)[0].split(".", 1)[0]
            source = f"{native['file']}:{native['line']}" if native["line"] != "0" else None
            yield Frame(path.rsplit("/", 1)[-1], 0, function, source, path)
    elif python := _PYSTACK_PYTHON.match(line) or _FAULTHANDLER_FRAME.match(line):
        yield PythonFrame(python["file"], python["function"])
    elif spied := _PYSPY_FRAME.match(line):
        file = spied["file"]
        if file.endswith(".py") or file.startswith("<"):
            yield PythonFrame(file, spied["function"])
        else:
            yield Frame(file.rsplit("/", 1)[-1], 0, spied["function"], None, file)
