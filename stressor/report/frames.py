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
_OUR_LINE = re.compile(r'\s*File "(?:.*/)?(?:stressor/runtime/[^"]*|threading\.py)", line \d+ in ')


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
    """Standard error without the frames of a dying interpreter that every trial begins with."""
    return [line for line in lines if not _OUR_LINE.match(line)]


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
