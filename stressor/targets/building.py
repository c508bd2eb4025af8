"""Building the C sources of a target's folder: each `NAME.c` becomes the extension module `NAME`.

Results are kept in the user's cache, one folder for each key of sources, headers, interpreter,
compiler and flags. A folder gets its final name in one step and is never changed again; a lock keeps
two processes from compiling the same at the same time. It never imports what it built.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from stressor.targets.errors import HarnessError

FLAGS = ("-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-fPIC", "-shared")

COMPILE_SECONDS = 120.0
LOCK_SECONDS = 300.0
LINES_SHOWN = 15


def build(folder: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Compile the folder's `*.c` unless they are in the cache; return where the modules are.

    None when there is nothing to compile. STRESSOR_CFLAGS is appended to the flags, CC replaces the
    compiler the interpreter was built with.

    Raises:
        HarnessError: compiler missing, compile error, or the cache cannot be written.
    """
    sources = sorted(folder.glob("*.c"))
    if not sources:
        return None
    for each in sources:
        if not each.stem.isidentifier():
            raise HarnessError(f"{each}: `{each.stem}` cannot name a module; rename the file.")
    command = _compiler(environ)
    try:
        cache = platformdirs.user_cache_path("stressor") / "targets"
        home = cache / _key([*sources, *sorted(folder.glob("*.h"))], command)
        if not home.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with _locked(home.with_suffix(".lock")):
                if not home.exists():
                    _compile_into(home, sources, command)
    except OSError as error:
        raise HarnessError(
            f"cannot build {folder}: {error.filename}: {error.strerror}. "
            "XDG_CACHE_HOME moves the cache to another place."
        ) from None
    return home


def _compiler(environ: Mapping[str, str]) -> list[str]:
    named = environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc")
    include = sysconfig.get_path("include")
    extra = shlex.split(environ.get("STRESSOR_CFLAGS", ""))
    command = [*shlex.split(named), *FLAGS, f"-I{include}", *extra]
    if shutil.which(command[0]) is None:
        raise HarnessError(
            f"no C compiler: {command[0]!r} is not installed. Install it (Debian: "
            "`apt-get install gcc`) or name another one with CC."
        )
    if not Path(include, "Python.h").exists():
        raise HarnessError(
            f"{include} has no Python.h, so nothing can be compiled for {sys.executable}. Install "
            "the interpreter's development files."
        )
    return command


def _key(files: Sequence[Path], command: Sequence[str]) -> str:
    digest = hashlib.sha256()
    about = [sys.version, str(sysconfig.get_config_var("EXT_SUFFIX")), *command]
    for part in [*about, *(text for each in files for text in (each.name, each.read_bytes()))]:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(len(data).to_bytes(8) + data)
    return f"{files[0].stem}-{digest.hexdigest()[:20]}"


def _compile_into(home: Path, sources: Sequence[Path], command: Sequence[str]) -> None:
    # The draft is next to its final place, so that the rename stays in one file system; the name
    # ends in a random part, and what a killed process leaves behind harms nobody.
    draft = Path(tempfile.mkdtemp(prefix=f"{home.name}.draft-", dir=home.parent))
    try:
        for each in sources:
            output = draft / f"{each.stem}{sysconfig.get_config_var('EXT_SUFFIX')}"
            _compile(each, [*command, "-o", str(output), each.name])
        draft.rename(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _compile(source: Path, command: Sequence[str]) -> None:
    try:
        # In the source's folder, so that the debug information has a name a reader can find.
        done = subprocess.run(
            command,
            cwd=source.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMPILE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"{source}: not compiled within {COMPILE_SECONDS:.0f} s.") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines()[-LINES_SHOWN:]
        raise HarnessError("\n".join([f"{source} does not compile:", *said, shlex.join(command)]))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file; the kernel drops it when its holder dies."""
    deadline = time.monotonic() + LOCK_SECONDS
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise HarnessError(
                        f"another process has held {path} for {LOCK_SECONDS:.0f} s; end it."
                    ) from None
                time.sleep(0.05)
        yield
