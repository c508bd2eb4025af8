"""Whether the lock is off in this process, and which module turned it on.

Used in the process that runs the target. CPython turns the GIL on when an extension module that
does not declare itself free of it is imported, and says so once, in a RuntimeWarning that names the
module (`import.c`, `_PyImport_CheckGILState`); that warning is all there is to know it by, so it is
caught here whatever the filters are.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from stressor.provision.errors import CouldNotTest
from stressor.provision.probe import current, refusal, shortcoming

_ENABLED = r"The global interpreter lock \(GIL\) has been enabled to load module '([^']+)'"
SUSPECTS_SHOWN = 12

_culprits: list[str] = []


@dataclass(slots=True)
class GilWatch:
    """What happened to the GIL during a `watch_gil` block; filled in at the block's end."""

    before: bool
    after: bool = False
    culprits: list[str] = field(default_factory=list)
    """Modules that CPython named: only the first, since once the GIL is on later ones change nothing."""

    @property
    def turned_on(self) -> bool:
        """Whether the block is what turned the GIL on."""
        return self.after and not self.before


def gil_enabled() -> bool:
    """Say whether the GIL is on now; a Python that cannot be asked has it always on."""
    ask: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else ask()


@contextmanager
def watch_gil() -> Iterator[GilWatch]:
    """Watch the block's imports for one that turns the GIL on; pass other warnings on at its end."""
    watch = GilWatch(before=gil_enabled())
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=_ENABLED, category=RuntimeWarning)
        try:
            yield watch
        finally:
            watch.after = gil_enabled()
            passed_on = [warning for warning in caught if not _note(str(warning.message), watch)]
    for warning in passed_on:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)


def _note(message: str, watch: GilWatch) -> bool:
    found = re.match(_ENABLED, message)
    if found is None:
        return False
    watch.culprits.append(found[1])
    _culprits.append(found[1])
    return True


def gil_culprit() -> str | None:
    """Return the module that turned the GIL on, if a `watch_gil` block saw it happen in this process."""
    return _culprits[0] if _culprits else None


def require_free_threading() -> None:
    """Raise `CouldNotTest` (exit code 3) unless this is a free-threaded interpreter with its GIL off."""
    running = current()
    why = shortcoming(running)
    if why:
        raise CouldNotTest(refusal(running, why))
    if gil_enabled():
        raise CouldNotTest(gil_refusal(gil_culprit(), os.environ, sys._xoptions))


def gil_refusal(
    culprit: str | None, environ: Mapping[str, str], options: Mapping[str, object]
) -> str:
    """Return the message for a free-threaded interpreter whose GIL is on: who did it, what to do."""
    start = "the GIL is on, so that no race can happen and nothing can be tested: "
    if str(options.get("gil")) == "1" or environ.get("PYTHON_GIL") == "1":
        return start + "PYTHON_GIL=1 or -X gil=1 asks for it. Run again without."
    anyway = (
        "To test anyway, as if it had declared itself free of the GIL, run again with PYTHON_GIL=0."
    )
    if culprit is not None:
        home = getattr(sys.modules.get(culprit), "__file__", None)
        where = f" ({home})" if home else ""
        return (
            f"{start}importing {culprit!r}{where} turned it on, because that module does not declare "
            f"Py_MOD_GIL_NOT_USED (in Cython: freethreading_compatible). {anyway}"
        )
    listed = ", ".join(suspects()[:SUSPECTS_SHOWN]) or "none"
    return (
        f"{start}a module that was imported before stressor could watch turned it on. Extension modules "
        f"in the order of import: {listed}. `python -W always -c 'import NAME'` says which. {anyway}"
    )


def suspects() -> list[str]:
    """Return the loaded extension modules that are not the interpreter's own, first import first."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
    own = sysconfig.get_path("platstdlib")
    named = [
        (name, str(getattr(module, "__file__", None) or ""))
        for name, module in list(sys.modules.items())
    ]
    return [
        name
        for name, path in named
        if path.endswith((suffix, ".abi3.so", ".so"))
        and ("site-packages" in path or not path.startswith(own))
    ]
