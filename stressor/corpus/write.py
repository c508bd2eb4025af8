"""Writing files so that each is there whole or not at all, whatever happens in between.

A draft in the same folder, flushed to the disk, then renamed over the name; the folder is flushed too,
since a rename may be lost with it. Every failure becomes one `CorpusWriteError`: the caller still
has the trial and prints it.
"""

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stressor.errors import ExitCode, StressorError, UsageError

DRAFT = ".tmp"
STALE_SECONDS = 3600.0

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or give another folder with --corpus",
    errno.EDQUOT: "the disk quota is used up; free some space or give another folder with --corpus",
    errno.EROFS: "the file system is read-only; give another folder with --corpus",
    errno.EACCES: "it may not be written to; give another folder with --corpus",
    errno.EPERM: "it may not be written to; give another folder with --corpus",
}


class CorpusWriteError(StressorError):
    """A corpus cannot be written to; `reason` says why and what to do.

    The user gives another folder or more room: it is no fault of stressor's.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path} cannot be written to the corpus: {reason}")
        self.path = Path(path)
        self.reason = reason


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of a corpus, replacing what has the name. Raises `CorpusWriteError`."""
    try:
        _replace(path, data)
    except OSError as error:
        raise write_error(path, error) from None


def write_file(path: Path, data: bytes) -> None:
    """Write a file that is in no corpus, replacing what has the name. Raises `UsageError`."""
    try:
        _replace(path, data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}.") from None


def _replace(path: Path, data: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(DRAFT, f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    _flush(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder of the corpus, and its parents. Raises `CorpusWriteError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from None
    if path.is_symlink():
        raise CorpusWriteError(path, "it is a link to somewhere else; remove the link")


def write_error(path: Path, error: OSError) -> CorpusWriteError:
    """Say what an error of the operating system means for the user."""
    return CorpusWriteError(path, _ADVICE.get(error.errno or 0, error.strerror or str(error)))


def remove_file(path: Path) -> bool:
    """Remove a file; False when somebody else did so first."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise write_error(path, error) from None
    return True


def stale_drafts(folder: Path) -> Iterator[Path]:
    """Yield what a writer that was killed left behind."""
    for draft in folder.glob(f".*{DRAFT}"):
        try:
            if time.time() - draft.lstat().st_mtime > STALE_SECONDS:
                yield draft
        except FileNotFoundError:
            continue


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
