"""The checkout's virtual environments, one per interpreter, under `.venv/`.

Decides what an environment is made of and when it is out of date. Two parts, each with a stamp that
is written last: the dependencies, and the project itself with its compiled part (so that linting
needs no C that compiles). A part without a current stamp is never used: whatever kills the process,
the next run does the part again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from stressor.provision import cache
from stressor.provision.errors import CouldNotTest
from stressor.provision.packages import COMPILER, ensure
from stressor.provision.probe import Interpreter
from stressor.provision.progress import Log, Progress

INSTALL_SECONDS = 1800.0
RECIPE = 1
"""Part of each fingerprint; raised when the steps below change in a way that old environments lack."""

# Settings for another kind of installation than one into this environment.
_FOREIGN = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_CONSTRAINT",
}


class Part(Enum):
    """What a command needs of its environment."""

    DEPENDENCIES = "dependencies"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of stressor, and the places in it that provisioning knows."""

    root: Path

    @property
    def venvs(self) -> Path:
        """The folder of all environments."""
        return self.root / ".venv"

    @property
    def constraints(self) -> Path:
        """The exact versions of everything that is installed."""
        return self.root / "constraints.txt"

    def project(self) -> dict[str, Any]:
        """Return `pyproject.toml` as it is now."""
        path = self.root / "pyproject.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CouldNotTest(f"{path}: cannot be read: {error}") from None

    def native_files(self) -> Iterator[Path]:
        """Yield what the compiled part is made from, in a fixed order."""
        for folder in ("native/include", "native/probes", "native/src"):
            yield from sorted(path for path in (self.root / folder).rglob("*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Environment:
    """One virtual environment of a checkout."""

    checkout: Checkout
    interpreter: Interpreter

    @property
    def folder(self) -> Path:
        """Where it is: named after its interpreter, so that several stand side by side."""
        key = hashlib.sha256(str(self.interpreter.path).encode()).hexdigest()[:8]
        return self.checkout.venvs / f"{self.interpreter.tag}-{key}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def stamp(self, part: Part) -> Path:
        """The file that says which fingerprint `part` was finished with."""
        return self.folder / f".stressor-{part.value}"

    def is_current(self, part: Part, fingerprint: str) -> bool:
        """Say whether `part` is finished, of this fingerprint, and still there."""
        try:
            finished = self.stamp(part).read_text(encoding="utf-8") == fingerprint
        except OSError:
            return False
        # The compiled part lies in the checkout, where a clean-up of untracked files removes it.
        return finished and (part is Part.DEPENDENCIES or all(map(any, self.compiled())))

    def compiled(self) -> list[list[Path]]:
        """Return, for each extension module, the binaries of it for this interpreter."""
        major, minor, _ = self.interpreter.version
        letters = self.interpreter.tag.lstrip("0123456789.")
        names = [extension["name"] for extension in extensions(self.checkout.project())]
        return [
            list(
                self.checkout.root.glob(
                    f"{name.replace('.', '/')}.cpython-{major}{minor}{letters}-*"
                )
            )
            for name in names
        ]

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ` as it is for a command inside."""
        own = {name: value for name, value in environ.items() if name != "PYTHONHOME"}
        bin_folder = str(self.folder / "bin")
        own["PATH"] = os.pathsep.join(filter(None, [bin_folder, environ.get("PATH", "")]))
        own["VIRTUAL_ENV"] = str(self.folder)
        return own


def identity(interpreter: Path) -> list[object]:
    """Return what changes when another interpreter is put into the same place."""
    try:
        facts = interpreter.stat()
    except OSError:
        return []
    return [str(interpreter), facts.st_size, facts.st_mtime_ns]


def fingerprints(checkout: Checkout, interpreter: Interpreter) -> dict[Part, str]:
    """Return a digest of all that each part is made from."""
    project = checkout.project()
    made_with: list[object] = [RECIPE, *identity(interpreter.path), project.get("build-system")]
    wanted = [requirements(project), _content(checkout.constraints)]
    setuptools = project.get("tool", {}).get("setuptools")
    files = [
        (str(path.relative_to(checkout.root)), _content(path)) for path in checkout.native_files()
    ]
    return {
        Part.DEPENDENCIES: _digest([*made_with, *wanted]),
        Part.PROJECT: _digest([*made_with, *wanted, project.get("project"), setuptools, files]),
    }


def extensions(project: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the extension modules as `pyproject.toml` lists them."""
    found: list[dict[str, Any]] = (
        project.get("tool", {}).get("setuptools", {}).get("ext-modules", [])
    )
    return found


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "absent"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def requirements(project: Mapping[str, Any]) -> list[str]:
    """Return what the project, its development and its build need, as `pyproject.toml` says it."""
    table = project.get("project", {})
    development = table.get("optional-dependencies", {}).get("dev", [])
    return [
        *project.get("build-system", {}).get("requires", []),
        *table.get("dependencies", []),
        *development,
    ]


def provision(
    environment: Environment,
    part: Part,
    progress: Progress,
    environ: Mapping[str, str] = os.environ,
) -> Environment:
    """Bring `environment` up to date as far as `part` needs; quick when there is nothing to do."""
    checkout = environment.checkout
    wanted = fingerprints(checkout, environment.interpreter)
    if environment.is_current(part, wanted[part]):
        return environment

    def waiting(holder: str) -> None:
        progress.say(f"process {holder} is setting up {checkout.venvs}; waiting for it")

    cache.make_folder(checkout.venvs)
    with cache.exclusive(checkout.venvs / ".lock", waiting):
        _bring_up(environment, part, wanted, progress, environ)
    return environment


def _bring_up(
    environment: Environment,
    part: Part,
    wanted: Mapping[Part, str],
    progress: Progress,
    environ: Mapping[str, str],
) -> None:
    log = Log(environment.checkout.venvs / f"{environment.folder.name}.log", progress)
    own = {name: value for name, value in environ.items() if name not in _FOREIGN}
    steps = {Part.DEPENDENCIES: install_dependencies, Part.PROJECT: install_project}
    for step in (Part.DEPENDENCIES, part):
        if not environment.is_current(step, wanted[step]):
            environment.stamp(step).unlink(missing_ok=True)
            steps[step](environment, log, own)
            cache.write_whole(environment.stamp(step), wanted[step])


def install_dependencies(environment: Environment, log: Log, environ: Mapping[str, str]) -> None:
    """Make the environment anew with all third-party packages; a removed one must be gone."""
    checkout, folder = environment.checkout, environment.folder
    if folder.exists():
        shutil.rmtree(folder)
    with log.progress.phase(
        f"make {folder.relative_to(checkout.root)} with {environment.interpreter}"
    ):
        command = [str(environment.interpreter.path), "-m", "venv", str(folder)]
        log.run(command, cwd=checkout.root, seconds=INSTALL_SECONDS, environ=environ)
    with log.progress.phase("install the dependencies"):
        # --only-binary: a package without a wheel for this interpreter must be an error here,
        # not the start of a hunt for its compiler.
        try:
            wanted = ["--only-binary=:all:", *requirements(checkout.project())]
            _pip(environment, log, environ, wanted)
        except CouldNotTest as error:
            raise CouldNotTest(
                f"{error}\nIf a package has no wheel for {environment.interpreter.tag}, name another "
                "interpreter with --python or STRESSOR_PYTHON."
            ) from None


def install_project(environment: Environment, log: Log, environ: Mapping[str, str]) -> None:
    """Compile the native part and install the checkout in place."""
    if not any(shutil.which(name, path=environ.get("PATH")) for name in ("cc", "gcc")):
        ensure(COMPILER, log, environ)
    with log.progress.phase("build and install stressor"):
        _pip(
            environment,
            log,
            environ,
            ["--no-deps", "--no-build-isolation", f"--editable={environment.checkout.root}"],
        )


def _pip(
    environment: Environment, log: Log, environ: Mapping[str, str], arguments: list[str]
) -> None:
    checkout = environment.checkout
    pip = [
        str(environment.python),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
    ]

    def show(line: str) -> None:
        log.progress.detail(line.strip())

    command = [*pip, f"--constraint={checkout.constraints}", *arguments]
    log.run(command, cwd=checkout.root, seconds=INSTALL_SECONDS, environ=environ, on_line=show)
