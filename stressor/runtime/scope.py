"""Which modules are instrumented when the plan names none: the target's own, as globs for the shim.

A module inside a package stands for the whole package, so that its parts that are imported later are
caught on their way in. A module that stands alone, as the standard library's do, is only itself.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

LONGEST = 200  # of 255 bytes that the shim takes, and of 231 that the record keeps of a path


def globs(chosen: Sequence[str], own: Iterable[str]) -> list[str]:
    """Return `chosen`, the plan's globs, or those that cover the paths `own`."""
    return list(chosen) or sorted({_cover(Path(path)) for path in own})


def _cover(path: Path) -> str:
    package: Path | None = None
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        package = folder
    if package is None:
        return _literal(str(path))
    return _literal(f"{package}/") + "*"


def _literal(path: str) -> str:
    """A glob that matches `path` only; of a long one its end, since the shim keeps no more of it."""
    kept = path if len(path.encode()) <= LONGEST else path[-LONGEST // 2 :]
    escaped = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in kept)
    return escaped if kept == path else f"*{escaped}"
