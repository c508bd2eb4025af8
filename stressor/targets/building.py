"""Building the C sources of a target's folder: each `NAME.c` becomes the extension module `NAME`.

Results are kept in the user's cache, else in a private folder among the temporary ones: one folder
for each key of sources, headers, interpreter, compiler and flags. A folder gets its final name in
one step and is never changed again; a lock keeps two processes from compiling the same at the same
time. It never imports what it built.
"""

import errno
import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from stressor.targets.errors import HarnessError, NoRoomError

FLAGS = ("-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-fPIC", "-shared")

COMPILE_SECONDS = 120.0
LOCK_SECONDS = 300.0
LINES_SHOWN = 15


def build(folder: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Compile the folder's `*.c` unless they are in the cache; return where the modules are.

    None when there is nothing to compile. STRESSOR_CFLAGS is appended to the flags, CC replaces the
    compiler the interpreter was built with.

    Raises:
        HarnessError: compiler missing, or compile error.
        NoRoomError: neither the cache nor the temporary folder can be written.
    """
    sources = sorted(folder.glob("*.c"))
    if not sources:
        return None
    for each in sources:
        if not each.stem.isidentifier():
            raise HarnessError(f"{each}: `{each.stem}` cannot name a module; rename the file.")
    command = _compiler(environ)
    try:
        key = _key([*sources, *sorted(folder.glob("*.h"))], command)
    except OSError as error:
        raise HarnessError(f"{error.filename}: cannot be read: {error.strerror}.") from None
    failed: list[str] = []
    for choose in (_user_cache, _private_folder):
        try:
            return _kept(choose() / key, sources, command)
        except OSError as error:
            failed.append(f"{error.filename or ''}: {error.strerror}")
    raise NoRoomError(
        f"cannot build {folder}: {'; '.join(failed)}. Set XDG_CACHE_HOME or TMPDIR to a folder that "
        "can be written."
    )


def _kept(home: Path, sources: Sequence[Path], command: Sequence[str]) -> Path:
    """The folder with what was built, now or before. Raises `OSError` when it cannot be written."""
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with _locked(home.with_suffix(".lock")):
            if not home.exists():
                _compile_into(home, sources, command)
    return home


def _user_cache() -> Path:
    return platformdirs.user_cache_path("stressor") / "targets"


def _private_folder() -> Path:
    """A folder in the temporary folder that nobody else can have put modules into."""
    try:
        home = Path(tempfile.gettempdir()) / f"stressor-targets-{os.getuid()}"
    except FileNotFoundError as error:
        raise OSError(error.errno, "no usable temporary folder") from None
    home.mkdir(mode=0o700, exist_ok=True)
    about = home.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "is not a private folder of this user", str(home))
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
