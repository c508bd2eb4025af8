"""Native stacks as lines: the part between what was hit and the operation that led there.

Decides what is left out: the shim's own frames, which say how it was seen, and what lies beneath the
Python code that called the extension, which is the same in every stack. A dying interpreter prints
such a bottom too (`Python/traceback.c`, `dump_frame`).
"""

import re
from collections.abc import Iterable, Sequence

from stressor.model.evidence import Frame
from stressor.report.plain import plain

MOST_FRAMES = 24
MOST_ALIGNED = 40

_SHIM = re.compile(r"_shim(?:\.|\Z)")
_INTERPRETER = re.compile(r"(?:lib)?python\d")
_SYSTEM = re.compile(
    r"(?:libc|libm|libdl|libpthread|libgcc_s|libstdc\+\+|ld|linux-vdso)(?:[.-]|\Z)"
)
_EVALUATION = re.compile(r"_PyEval_EvalFrameDefault\b")
_CATCHING_UP = re.compile(r"_Py_HandlePending|_Py_brc_|_Py_Dealloc|_Py_Merge|_Py_DecRef")
_OUR_LINE = re.compile(
    r'\s*File "(?:(?:.*/)?(?:stressor/runtime/[^"]*|threading\.py)|<frozen runpy>)", line \d+ in '
)
_OF_A_THREAD = re.compile(
    r"(?:Current thread|Thread) 0x[0-9a-f]+ .*\(most recent call first\):\s*\Z"
)
# What the failure itself says already, and which extensions there are.
_KNOWN_ANYHOW = re.compile(
    r"\s*\Z|Extension modules: |Fatal Python error: (?:Segmentation fault|Bus error|Aborted|"
    r"Floating-point exception|Illegal instruction)\s*\Z"
)


def frame_lines(frames: Iterable[Frame]) -> Iterable[str]:
    """A line for each frame, innermost first: number, function, module, source."""
    every = [frame for frame in frames if not _SHIM.match(_file(frame))]
    shown = every[: min(_operation(every) + 1, MOST_FRAMES)]
    names = [plain(frame.function or f"{frame.offset:#x}") for frame in shown]
    modules = [plain(_short(frame)) for frame in shown]
    wide = min(max(map(len, names), default=0), MOST_ALIGNED)
    wider = max(map(len, modules), default=0)
    for number, (frame, name, module) in enumerate(zip(shown, names, modules, strict=True)):
        source = plain(frame.source or "")
        yield f"#{number:<2} {name:<{wide}}  {module:<{wider}}  {source}".rstrip()
    if len(every) > len(shown):
        yield f"... {len(every) - len(shown)} more"


def without_ours(lines: Sequence[str]) -> list[str]:
    """Standard error without the frames of a dying interpreter that every trial begins with.

    Threads without any other frame are left out, and so is all when nothing else is left.
    """
    own = [line for line in lines if not _OUR_LINE.match(line)]
    kept: list[str] = []
    for line, following in zip(own, [*own[1:], ""], strict=True):
        is_bare = _OF_A_THREAD.match(line) and not following.startswith("  ")
        is_gap = not line.strip() and kept and not kept[-1].strip()
        if not is_bare and not is_gap:
            kept.append(line)
    return [] if all(map(_KNOWN_ANYHOW.match, kept)) else kept


def _operation(frames: Sequence[Frame]) -> int:
    """Index of the first frame of Python code beneath all extensions; the last if there is none."""
    extensions = [index for index, frame in enumerate(frames) if _is_extension(frame)]
    for index in range(extensions[-1] + 1 if extensions else 0, len(frames)):
        if _EVALUATION.match(frames[index].function or ""):
            return index
    return len(frames) - 1


def _is_extension(frame: Frame) -> bool:
    name = _file(frame)
    return bool(name) and not _INTERPRETER.match(name) and not _SYSTEM.match(name)


def _short(frame: Frame) -> str:
    """The module as in the keys of sites: "_csv", and "python" for the interpreter itself."""
    name = _file(frame)
    return "python" if _INTERPRETER.match(name) else name.split(".", 1)[0] or "no module"


def _file(frame: Frame) -> str:
    return frame.module.rsplit("/", 1)[-1]


def site_of(frames: Iterable[Frame], sites: Iterable[str]) -> str | None:
    """The site that the innermost frame with one has made the call at, from the keys of `sites`.

    A call site's offset is its return address, and so is a frame's.
    """
    known = {(key.split(":", 2)[1], key.rpartition("+")[2]): key for key in sites if "+0x" in key}
    for frame in frames:
        key = known.get((_short(frame), f"{frame.offset:#x}"))
        if key is not None:
            return key
    return None


def named_function(frames: Iterable[Frame]) -> str:
    """The innermost function of an extension, else of the interpreter: "get (ext.c:3)"."""
    every = [frame for frame in frames if frame.function and _is_told(frame)]
    extensions = [frame for frame in every if _is_extension(frame)]
    return next(map(_named, extensions or every), "")


def entered_function(frames: Iterable[Frame]) -> str:
    """The innermost function of an extension, else the one that Python code had called.

    Empty when that only caught up with counts: who dropped the last reference did it before.
    """
    every = [frame for frame in frames if frame.function and _is_told(frame)]
    extensions = [frame for frame in every if _is_extension(frame)]
    if extensions:
        return _named(extensions[0])
    called = every[: _operation(every)]
    return (
        _named(called[-1]) if called and not _CATCHING_UP.match(called[-1].function or "") else ""
    )


def _is_told(frame: Frame) -> bool:
    return not _SHIM.match(_file(frame)) and not _SYSTEM.match(_file(frame))


def _named(frame: Frame) -> str:
    source = f" ({plain(frame.source.rsplit('/', 1)[-1])})" if frame.source else ""
    return f"{plain(frame.function or '')}{source}"
