"""Where things that are made once per machine are kept, and how one process at a time makes them.

Decides paths and locking; what is made is `build`'s and `environment`'s business. The lock is
`flock(2)`: the kernel drops it when its holder dies, so that a killed process never has to be
cleaned up after by hand.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stressor.provision.errors import CouldNotTest

LOCK_SECONDS = 3600.0
"""An hour: a build on one slow core takes 20 minutes. Past that the holder hangs, and it is named."""


def root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's cache folder for stressor; as XDG says, a relative path does not count."""
    given = Path(environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
    return base / "stressor"


def interpreters(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the interpreters that were built here, one folder each: `3.13.15-release`."""
    return root(environ) / "interpreters"


def make_folder(path: Path) -> Path:
    """Create `path` with its parents, or say which folder cannot be created and why."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CouldNotTest(
            f"cannot create {path}: {error.strerror}. XDG_CACHE_HOME moves the cache."
        ) from None
    return path


@contextmanager
def exclusive(
    path: Path, waiting: Callable[[str], None], seconds: float = LOCK_SECONDS
) -> Iterator[None]:
    """Hold the lock file `path`; `waiting` is told once, with its process id, when another holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CouldNotTest(f"cannot open {path}: {error.strerror}") from None
    try:
        _lock(descriptor, path, waiting, time.monotonic() + seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d" % os.getpid(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, waiting: Callable[[str], None], deadline: float) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace") or "unknown"
        else:
            return
        if not told:
            waiting(holder)
            told = True
        if time.monotonic() > deadline:
            raise CouldNotTest(f"process {holder} has held {path} too long; end it and try again.")
        time.sleep(0.1)


def write_whole(path: Path, text: str) -> None:
    """Replace `path` in one step: a reader sees the old text or the new, whatever dies meanwhile."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def sweep(folder: Path, pattern: str) -> list[Path]:
    """Remove what killed processes left in `folder`, and return it. For the holder of its lock only."""
    left = sorted(folder.glob(pattern))
    for path in left:
        # Twice: an orphaned compiler may put one more file into a folder that is being emptied.
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)
    return left
