"""Where a process keeps the slots of its hosts: a private folder that never outlives it for long.

Memory-backed where there is room, because a trial writes a mapped record and a few small files, 150
times a second. A folder belongs to whoever holds the lock on its `.lock` file (flock(2)): the kernel
drops the lock when the owner dies, however it dies and in whatever pid namespace it lived, and the
next stressor that starts removes what the dead one left.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SHARED_MEMORY = Path("/dev/shm")
ROOM = 512 << 20  # a container's usual 64 MiB would run full, and a full mapping is a SIGBUS
PREFIX = "stressor-"


class Scratch:
    """A private folder, removed at `close`. Raises `OSError` when none can be made anywhere."""

    def __init__(self, base: Path | None = None) -> None:
        base = base or choose_base()
        remove_abandoned(base)
        self.path, self._lock_file, self._lock = _claim(base)

    def slot(self) -> Path:
        """Make a new, empty folder for one host. Safe to use from all jobs."""
        return Path(tempfile.mkdtemp(prefix="slot-", dir=self.path))

    @staticmethod
    def drop(slot: Path) -> None:
        """Remove the slot of a host that is closed; `close` would do it later."""
        shutil.rmtree(slot, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder and all in it; what resists is left to the next start."""
        if self._lock == -1:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def choose_base() -> Path:
    """Shared memory when it is writable and has room, else the temporary folder."""
    try:
        disk = os.statvfs(SHARED_MEMORY)
    except OSError:
        return Path(tempfile.gettempdir())
    roomy = disk.f_bavail * disk.f_frsize >= ROOM and os.access(SHARED_MEMORY, os.W_OK | os.X_OK)
    return SHARED_MEMORY if roomy else Path(tempfile.gettempdir())


def remove_abandoned(base: Path) -> list[Path]:
    """Remove the folders of dead owners below `base`; returns those that were removed."""
    removed = []
    for lock_file in base.glob(f"{PREFIX}*.lock"):
        try:
            lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # another user's, or gone meanwhile
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # its owner lives
        else:
            folder = lock_file.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
            removed.append(folder)
        finally:
            os.close(lock)
    return removed


def _claim(base: Path) -> tuple[Path, Path, int]:
    """The lock comes before the folder, so that a folder without a living owner is always litter."""
    while True:
        path = base / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        lock_file = path.with_name(path.name + ".lock")
        lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if _is_ours(lock, lock_file):
            path.mkdir(mode=0o700)
            return path, lock_file, lock
        os.close(lock)  # take another name


def _is_ours(lock: int, lock_file: Path) -> bool:
    """Lock the new file; False when a cleaner was quicker, which has unlinked it or is about to."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), os.stat(lock_file, follow_symlinks=False))
    except (BlockingIOError, FileNotFoundError):
        return False
