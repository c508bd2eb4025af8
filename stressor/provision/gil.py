"""Whether the lock is off in this process, and what to say when it is not.

CPython turns the GIL on when an extension module that does not declare itself free of it is imported
(`import.c`, `_PyImport_CheckGILState`). Which module that was has to be listened for while it happens:
the process that runs the target does (`stressor.runtime.gil`) and hands the name in.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Mapping

from stressor.provision.errors import CouldNotTest
from stressor.provision.probe import current, refusal, shortcoming

SUSPECTS_SHOWN = 12


def gil_enabled() -> bool:
    """Say whether the GIL is on now; a Python that cannot be asked has it always on."""
    ask: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else ask()


def require_free_threading(culprit: str = "") -> None:
    """Raise `CouldNotTest` (exit code 3) unless this is a free-threaded interpreter with its GIL off.

    `culprit` is the module that CPython said had turned it on, if anybody listened.
    """
    running = current()
    why = shortcoming(running)
    if why:
        raise CouldNotTest(refusal(running, why))
    if gil_enabled():
        raise CouldNotTest(gil_refusal(culprit, os.environ, sys._xoptions))


def gil_refusal(culprit: str, environ: Mapping[str, str], options: Mapping[str, object]) -> str:
    """Return the message for a free-threaded interpreter whose GIL is on: who did it, what to do."""
    start = "the GIL is on, so that no race can happen and nothing can be tested: "
    if str(options.get("gil")) == "1" or environ.get("PYTHON_GIL") == "1":
        return start + "PYTHON_GIL=1 or -X gil=1 asks for it. Run again without."
    anyway = (
        "To test anyway, as if it had declared itself free of the GIL, run again with PYTHON_GIL=0."
    )
    if culprit:
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
