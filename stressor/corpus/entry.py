"""Reading one entry: a regular file of bounded size, whose text the codec accepts.

What is in an entry is shown and carried out by others; here nothing that it names is opened. The file
may change while it is looked at, so everything is asked of the open descriptor.
"""

import errno
import os
import stat
from pathlib import Path

from attrs import frozen

from stressor.errors import UsageError
from stressor.model.codec import MOST_BYTES, CodecError, decode, named_in
from stressor.model.finding import Finding
from stressor.model.trial import Trial

# How files of a corpus are opened: links may lead out of it.
INSIDE = os.O_RDONLY | os.O_NOFOLLOW


class EntryError(UsageError):
    """One file is not an entry; `reason` says why, `path` which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@frozen
class Entry:
    """A file that has the name of an entry; whether it holds one is known when it is loaded."""

    path: Path

    @property
    def slug(self) -> str:
        """The folder: a readable form of the signature and the target."""
        return self.path.parent.name

    @property
    def key(self) -> str:
        """The plan's key, as the file is named."""
        return self.path.stem


def load_kept(path: Path) -> Trial | Finding:
    """Read the entry at a path that the user named, of a target or a model. Raises `EntryError`."""
    data = read_regular(path, MOST_BYTES, os.O_RDONLY)
    return _finding(path, data) if _is_finding(path, data) else _decoded(path, data)


def load_entry(path: Path) -> Trial:
    """Read the entry of a target at a path that the user named. Raises `EntryError`."""
    kept = load_kept(path)
    if isinstance(kept, Finding):
        raise EntryError(
            path,
            "is what a model broke, which is minimal and stands alone already: `stressor corpus show`"
            " tells it, `stressor replay` runs it again",
        )
    return kept


def load_finding(entry: Entry) -> Finding:
    """Read a model's entry that was found in a corpus, where links are refused. Raises `EntryError`."""
    return _finding(entry.path, read_regular(entry.path, MOST_BYTES, INSIDE))


def holds_finding(path: Path) -> bool:
    """Whether a file says that it is a model's entry; whether it is one is known when it is loaded."""
    try:
        return _is_finding(path, read_regular(path, MOST_BYTES, INSIDE))
    except EntryError:
        return False


def load_stored(entry: Entry) -> Trial:
    """Read an entry that was found in a corpus, where links are refused. Raises `EntryError`."""
    return _decoded(entry.path, read_regular(entry.path, MOST_BYTES, INSIDE))


def read_regular(path: Path, most: int, flags: int) -> bytes:
    """Read a regular file of at most `most` bytes, and nothing else. Raises `EntryError`."""
    try:
        # Without O_NONBLOCK a pipe would be waited for.
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise EntryError(path, _why_not(error)) from None
    try:
        return _contents(path, descriptor, most)
    except OSError as error:
        raise EntryError(path, f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _contents(path: Path, descriptor: int, most: int) -> bytes:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise EntryError(path, "is a folder; name one of the .json files in it")
    if not stat.S_ISREG(mode):
        raise EntryError(path, "is not a regular file")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise EntryError(path, f"is larger than {most} bytes")
    return data


def _decoded(path: Path, data: bytes) -> Trial:
    try:
        trial = decode(data, Trial, str(path))
    except CodecError as error:
        raise EntryError(path, error.problem) from None
    if trial.outcome.signature is None:
        raise EntryError(path, "holds no failure")
    return trial


def _is_finding(path: Path, data: bytes) -> bool:
    try:
        return named_in(data, str(path)) == "finding"
    except CodecError as error:
        raise EntryError(path, error.problem) from None


def _finding(path: Path, data: bytes) -> Finding:
    try:
        return decode(data, Finding, str(path))
    except CodecError as error:
        raise EntryError(path, error.problem) from None


def _why_not(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return f"cannot be opened: {error}"
    if error.errno == errno.ELOOP:
        return "is a link, and a corpus holds regular files only"
    return f"cannot be opened: {error.strerror}"
