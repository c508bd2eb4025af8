"""A free-threaded CPython built from the distribution's source package, once per machine.

Decides the steps and the place: configured for its final prefix, installed below a staging folder,
and renamed into place when it has proven to work; so the final folder exists whole or not at all.
Leftovers of a killed build are removed by the next one, under the lock. Follows CPython's
`README.rst` ("Build Instructions").
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stressor.provision import cache
from stressor.provision.apt import Fetched, fetch_source
from stressor.provision.discover import Variant, built_earlier
from stressor.provision.errors import CouldNotTest
from stressor.provision.packages import FOR_PYTHON, ensure
from stressor.provision.probe import Interpreter, check, shortcoming
from stressor.provision.progress import Log, Progress

WORK = ".work-"
CONFIGURE_SECONDS = 900.0
MAKE_SECONDS = 5400.0

Steps = Callable[["Site"], Fetched]


@dataclass(frozen=True, slots=True)
class Site:
    """Where one build happens: everything below `folder` is thrown away at its end."""

    folder: Path
    variant: Variant
    log: Log
    environ: Mapping[str, str]

    @property
    def stage(self) -> Path:
        """What `make install` takes for the root of the file system."""
        return self.folder / "stage"

    def prefix(self, version: str) -> Path:
        """Where the interpreter will live, which is compiled into it."""
        return cache.interpreters(self.environ) / f"{version}-{self.variant.value}"


def build(
    variant: Variant = Variant.RELEASE,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Interpreter:
    """Return the interpreter in the user cache, after building it if it is not there yet."""
    progress = progress or Progress()
    home = cache.make_folder(cache.interpreters(environ))

    def waiting(holder: str) -> None:
        progress.say(f"process {holder} is building an interpreter; waiting for it")

    with cache.exclusive(home / ".lock", waiting):
        for left in cache.sweep(home, f"{WORK}*"):
            progress.say(f"removed what an interrupted build left: {left.name}")
        return _built_meanwhile(variant, progress, environ) or _build_at(
            home, variant, progress, environ
        )


def _built_meanwhile(
    variant: Variant, progress: Progress, environ: Mapping[str, str]
) -> Interpreter | None:
    """Return what an earlier process made; remove what a system upgrade has broken."""
    for candidate in built_earlier(variant, environ):
        prefix = candidate.path.parent.parent
        try:
            found = check(candidate.path, candidate.source)
        except CouldNotTest as error:
            progress.say(f"{error}; removed {prefix}, to be built anew")
            shutil.rmtree(prefix)
        else:
            return found
    return None


def _build_at(
    home: Path, variant: Variant, progress: Progress, environ: Mapping[str, str]
) -> Interpreter:
    logs = cache.make_folder(cache.root(environ) / "logs")
    log = Log(logs / f"interpreter-{variant.value}-{time.strftime('%Y%m%d-%H%M%S')}.log", progress)
    progress.say(
        f"building a free-threaded CPython ({variant.value}), about 4 minutes on two cores; "
        f"log: {log.path}"
    )
    folder = Path(tempfile.mkdtemp(prefix=WORK, dir=home))
    try:
        return construct(Site(folder, variant, log, environ))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise CouldNotTest(
            f"the build could not go on: {error.strerror}{where}. The log: {log.path}"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def construct(site: Site) -> Interpreter:
    """Do all the steps of one build; the last one, a rename, is what makes the interpreter exist."""
    phase = site.log.progress.phase
    ensure(FOR_PYTHON, site.log, site.environ)
    with phase("fetch the source package"):
        fetched = fetch_source(site.folder, site.log, site.environ)
    prefix = site.prefix(fetched.version)
    tree = cache.make_folder(site.folder / "tree")
    with phase(f"unpack CPython {fetched.version}"):
        unpack = ["tar", "--extract", "--xz", "--strip-components=1", f"--file={fetched.archive}"]
        site.log.run(unpack, cwd=tree, seconds=CONFIGURE_SECONDS)
    with phase("configure"):
        _run(site, tree, CONFIGURE_SECONDS, configuration(prefix, site.variant))
    with phase("compile"):
        _run(site, tree, MAKE_SECONDS, ["make", f"-j{len(os.sched_getaffinity(0))}"])
    with phase("install and try"):
        _run(site, tree, MAKE_SECONDS, ["make", "install", f"DESTDIR={site.stage}"])
        return adopt(site.stage / prefix.relative_to("/"), prefix)


def configuration(prefix: Path, variant: Variant) -> list[str]:
    """Return the configure command; each environment gets its own pip, so that none is needed here."""
    debug = ["--with-pydebug"] if variant is Variant.DEBUG else []
    return ["./configure", f"--prefix={prefix}", "--disable-gil", "--with-ensurepip=no", *debug]


def _run(site: Site, tree: Path, seconds: float, command: list[str]) -> None:
    files = 0

    def count(line: str) -> None:
        nonlocal files
        files += " -c " in line
        site.log.progress.detail(f"{files} files compiled" if files else line.strip())

    # What the user set for other builds must not reach this one.
    unset = {"CFLAGS", "CPPFLAGS", "LDFLAGS", "PYTHONHOME", "PYTHONPATH", "DESTDIR", "MAKEFLAGS"}
    environ = {name: value for name, value in site.environ.items() if name not in unset}
    site.log.run(command, cwd=tree, seconds=seconds, environ=environ, on_line=count)


def adopt(staged: Path, prefix: Path) -> Interpreter:
    """Try the staged interpreter, then rename its folder to `prefix`."""
    try:
        tried = check(staged / "bin" / "python3", "built from source")
        why = shortcoming(tried) or (f"it lacks {', '.join(tried.lacks)}" if tried.lacks else None)
    except CouldNotTest as error:
        why = str(error)
    if why:
        raise CouldNotTest(f"the interpreter was built, but will not do: {why}")
    staged.rename(prefix)
    return check(prefix / "bin" / "python3", "built from source")
