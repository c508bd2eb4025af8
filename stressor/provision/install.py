"""How a machine that has no free-threaded interpreter gets one.

Decides the order: uv where it may download, else a build from source, whose steps are `build`'s.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stressor.provision.build import build
from stressor.provision.discover import NoneFound, Variant, find
from stressor.provision.errors import CouldNotTest
from stressor.provision.probe import Interpreter, check, shortcoming
from stressor.provision.progress import Progress

UV_VERSION = "3.14"
UV_SECONDS = 600.0


def find_or_install(
    python: str | None = None,
    variant: Variant = Variant.RELEASE,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Interpreter:
    """Return an interpreter that will do, made if there is none yet; a named one is never replaced."""
    try:
        return find(python, variant, environ)
    except NoneFound:
        return install(variant, progress, environ)


def install(
    variant: Variant = Variant.RELEASE,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Interpreter:
    """Get a free-threaded interpreter without asking whether the machine has another one."""
    progress = progress or Progress()
    return _from_uv(variant, progress, environ) or build(variant, progress, environ)


def _from_uv(
    variant: Variant, progress: Progress, environ: Mapping[str, str]
) -> Interpreter | None:
    uv = shutil.which("uv", path=environ.get("PATH"))
    if uv is None or not may_download(environ):
        return None
    request = f"{UV_VERSION}t" if variant is Variant.RELEASE else f"{UV_VERSION}t+debug"
    with progress.phase(f"uv python install {request}"):
        try:
            found = _install_with(uv, request, environ)
        except (OSError, subprocess.SubprocessError, CouldNotTest) as error:
            progress.say(
                f"uv could not provide it ({_last_words(error)}); building from source instead"
            )
            return None
    return found


def may_download(environ: Mapping[str, str]) -> bool:
    """Say whether the user lets uv download interpreters, by uv's own variables."""
    offline = environ.get("UV_OFFLINE", "").lower() in {"1", "true", "yes"}
    return not offline and environ.get("UV_PYTHON_DOWNLOADS", "").lower() not in {
        "never",
        "false",
        "0",
    }


def _install_with(uv: str, request: str, environ: Mapping[str, str]) -> Interpreter:
    _ask([uv, "python", "install", request], environ)
    path = _ask(
        [uv, "python", "find", "--no-python-downloads", "--no-project", request], environ
    ).strip()
    found = check(Path(path), "uv")
    why = shortcoming(found)
    if why:
        raise CouldNotTest(f"{found}: {why}")
    return found


def _ask(command: list[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=UV_SECONDS,
        check=True,
    )
    return done.stdout


def _last_words(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
