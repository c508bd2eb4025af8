"""What an interpreter is: asked by running it, never guessed from its name.

Decides whether one interpreter is fit for use and, if not, says what it is and what is needed.
Where interpreters are looked for is `discover`'s business. Follows CPython's "Python support for
free threading" how-to: `Py_GIL_DISABLED` says how it was built, `sys._is_gil_enabled()` whether the
lock is on at the moment.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from stressor.provision.errors import CouldNotTest

OLDEST = (3, 13)
"""The first free-threaded CPython."""

PROBE_SECONDS = 60.0
"""A cold start from a slow disk takes seconds; an interpreter that takes a minute is of no use."""

HOW_TO_GET_ONE = (
    "To get one: in a checkout `./dev` finds or builds it, elsewhere `stressor interpreter install` "
    "does; STRESSOR_PYTHON=/path/to/python3.13t names one that you have."
)

# `lacks` names what ./dev needs to make an environment with a compiled part in it.
_FACTS = """
import importlib.util, json, os, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
modules = ["ensurepip", "venv", "_ssl", "_ctypes", "zlib"]
lacks = [name for name in modules if importlib.util.find_spec(name) is None]
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "debug": hasattr(sys, "gettotalrefcount"),
    "executable": sys.executable,
    "lacks": lacks + ([] if os.path.exists(header) else [header]),
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One interpreter as it described itself when it was run."""

    path: Path
    version: tuple[int, int, int]
    free_threaded: bool
    debug: bool
    source: str
    """Who offered it: --python, STRESSOR_PYTHON, PATH, pyenv, uv, built from source, running."""
    implementation: str = "cpython"
    lacks: tuple[str, ...] = ()
    """Modules and headers that it should have and has not."""

    @property
    def tag(self) -> str:
        """Its version with CPython's own letters for the build: `3.13.15t`, `3.13.15td`."""
        dotted = ".".join(map(str, self.version))
        return dotted + ("t" if self.free_threaded else "") + ("d" if self.debug else "")

    def __str__(self) -> str:
        """Return what a message needs: what it is, where it is, where it came from."""
        name = "CPython" if self.implementation == "cpython" else self.implementation
        kind = "free-threaded" if self.free_threaded else "with the GIL"
        debug = ", debug" if self.debug else ""
        return f"{name} {self.tag} ({kind}{debug}) at {self.path} [{self.source}]"


def check(path: Path, source: str = "named") -> Interpreter:
    """Run `path` and return what it says of itself; `shortcoming` judges it."""
    # -I: what PYTHON* variables or the current directory change is no fact about the interpreter.
    command = [str(path), "-I", "-c", _FACTS]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CouldNotTest(f"{path}: gave no answer within {PROBE_SECONDS:.0f} s") from None
    except OSError as error:
        raise CouldNotTest(f"{path}: cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise CouldNotTest(
            f"{path}: is not a working Python, exit status {done.returncode}: {reason}"
        )
    try:
        return _interpreter(json.loads(done.stdout), source)
    except (ValueError, KeyError, TypeError):
        raise CouldNotTest(
            f"{path}: is not a Python 3 interpreter: {done.stdout.strip()[:80]!r}"
        ) from None


def _interpreter(facts: dict[str, object], source: str) -> Interpreter:
    version, lacks = facts["version"], facts["lacks"]
    if not (isinstance(version, list) and isinstance(lacks, list)):
        raise TypeError
    major, minor, micro = version
    return Interpreter(
        path=Path(str(facts["executable"])),
        version=(int(major), int(minor), int(micro)),
        free_threaded=facts["free_threaded"] is True,
        debug=facts["debug"] is True,
        source=source,
        implementation=str(facts["implementation"]),
        lacks=tuple(map(str, lacks)),
    )


def current() -> Interpreter:
    """Return the interpreter that runs this code."""
    return Interpreter(
        path=Path(sys.executable),
        version=sys.version_info[:3],
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        debug=hasattr(sys, "gettotalrefcount"),
        source="running",
        implementation=platform.python_implementation().lower(),
    )


def shortcoming(found: Interpreter) -> str | None:
    """Say why `found` cannot run stressor, or None when it can."""
    if found.implementation != "cpython":
        return "stressor needs CPython"
    if found.version < OLDEST:
        return "stressor needs CPython 3.13 or newer, built with --disable-gil"
    if not found.free_threaded:
        return "it was built with the GIL; needed is one built with --disable-gil (`python3.13t`)"
    return None


def refusal(found: Interpreter, why: str) -> str:
    """Return the whole message for an interpreter that was named, or is running, and will not do."""
    return f"{found}\ncannot be used: {why}.\n{HOW_TO_GET_ONE}"
