"""Where free-threaded interpreters are looked for, and in which order.

Decides the order and nothing else: the one that was named, PATH, pyenv's, uv's, the one built
earlier into the user cache. Whether a candidate will do is asked of the candidate (`probe`); what
to do when none does is `install`'s.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from stressor.provision import cache
from stressor.provision.errors import CouldNotTest
from stressor.provision.probe import HOW_TO_GET_ONE, Interpreter, check, refusal, shortcoming

NEWEST_FIRST = ("3.15", "3.14", "3.13")
UV_SECONDS = 60.0


class Variant(Enum):
    """Which build of the interpreter is wanted. `value` is its name in paths."""

    RELEASE = "release"
    DEBUG = "debug"

    @property
    def letters(self) -> str:
        """What the build adds to the interpreter's name: `python3.13t`, `python3.13td`."""
        return "td" if self is Variant.DEBUG else "t"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that may be an interpreter, and who offered it."""

    path: Path
    source: str


def on_path(variant: Variant, environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Offer every match, not only the first: a version manager's shim may stand in front and fail."""
    for version in NEWEST_FIRST:
        for folder in environ.get("PATH", "").split(os.pathsep):
            path = Path(folder or ".", f"python{version}{variant.letters}")
            if os.access(path, os.X_OK) and path.is_file():
                yield Candidate(path.absolute(), "PATH")


def of_pyenv(environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Offer pyenv's installed versions whose name has a `t` after the digits, newest first."""
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "~")).expanduser() / ".pyenv")
    for folder in _newest_first(
        root / "versions", r"3\.\d+(\.\d+)?((a|b|rc)\d+)?t(-dev)?(-debug)?"
    ):
        yield Candidate(folder / "bin" / "python", "pyenv")


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if re.fullmatch(pattern, path.name)]
    except OSError:
        return []  # absent, or somebody else's: nothing to be had there
    return sorted(found, key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)]


def of_uv(environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Offer uv's free-threaded interpreters, newest first; nothing where there is no uv."""
    uv = shutil.which("uv", path=environ.get("PATH"))
    if uv is None:
        return
    command = [uv, "python", "list", "--only-installed", "--output-format", "json"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=UV_SECONDS,
            check=True,
        )
        rows = json.loads(done.stdout)
        free = [row for row in rows if "freethreaded" in str(row.get("variant"))]
        paths = [(_version_parts(row), str(row["path"])) for row in free]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError):
        # An old uv without this output, or a broken one: as good as none. `rejected` needs no entry,
        # since uv is not an interpreter; the search goes on.
        return
    for _, path in sorted(paths, reverse=True):
        yield Candidate(Path(path), "uv")


def _version_parts(row: dict[str, dict[str, int]]) -> tuple[int, int, int]:
    parts = row["version_parts"]
    return parts["major"], parts["minor"], parts["patch"]


def built_earlier(variant: Variant, environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Offer the interpreters that `build` put into the user cache, newest first."""
    home = cache.interpreters(environ)
    for folder in _newest_first(home, rf"3\.\d+\.\d+-{variant.value}"):
        yield Candidate(folder / "bin" / "python3", "built from source")


def candidates(variant: Variant, environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Offer all candidates in the order of preference, lazily: asking uv costs a process."""
    yield from on_path(variant, environ)
    yield from of_pyenv(environ)
    yield from of_uv(environ)
    yield from built_earlier(variant, environ)


def named_by(python: str | None, environ: Mapping[str, str]) -> Candidate | None:
    """Return the one that the user named, on the command line or else in the environment."""
    if python:
        return _named(python, "--python", environ)
    if environ.get("STRESSOR_PYTHON"):
        return _named(environ["STRESSOR_PYTHON"], "STRESSOR_PYTHON", environ)
    return None


def _named(name: str, source: str, environ: Mapping[str, str]) -> Candidate:
    found = shutil.which(Path(name).expanduser(), path=environ.get("PATH"))
    if found is None:
        raise CouldNotTest(
            f"{source} names {name!r}, which is not a command on PATH nor a file that can be run."
        )
    return Candidate(Path(found).absolute(), source)


Asks = Callable[[Path, str], Interpreter]


def find(
    python: str | None = None,
    variant: Variant = Variant.RELEASE,
    environ: Mapping[str, str] = os.environ,
    ask: Asks = check,
) -> Interpreter:
    """Return the first interpreter that will do. Installs nothing.

    The one that was named (`python`, else STRESSOR_PYTHON) is taken or refused, never passed over.
    """
    named = named_by(python, environ)
    if named is not None:
        return _accept(named, variant, ask)
    rejected: list[str] = []
    for candidate in candidates(variant, environ):
        found = _consider(candidate, variant, ask, rejected)
        if found is not None:
            return found
    tried = "".join(f"\n  - {line}" for line in rejected) or " nothing that looked like one."
    raise NoneFound(
        f"no free-threaded CPython ({variant.value} build) found. Tried:{tried}\n{HOW_TO_GET_ONE}"
    )


class NoneFound(CouldNotTest):
    """There is no usable interpreter on this machine yet."""


def _accept(named: Candidate, variant: Variant, ask: Asks) -> Interpreter:
    found = ask(named.path, named.source)
    why = shortcoming(found) or _unfit(found)
    if variant is Variant.DEBUG and not found.debug:
        why = (
            why or "a debug build was asked for, and this is not one (configure it --with-pydebug)"
        )
    if why:
        raise CouldNotTest(refusal(found, why))
    return found


def _consider(
    candidate: Candidate, variant: Variant, ask: Asks, rejected: list[str]
) -> Interpreter | None:
    try:
        found = ask(candidate.path, candidate.source)
    except CouldNotTest as error:
        rejected.append(str(error))
        return None
    why = shortcoming(found) or _unfit(found)
    if why:
        rejected.append(f"{found}: {why}")
    elif found.debug is not (variant is Variant.DEBUG):
        rejected.append(f"{found}: not a {variant.value} build")
    else:
        return found
    return None


def _unfit(found: Interpreter) -> str | None:
    if found.lacks:
        return f"it lacks {', '.join(found.lacks)}, needed for an environment with a compiled part"
    return None
