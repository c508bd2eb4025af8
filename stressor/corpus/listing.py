"""What is in a corpus by name: entries, and what has no business there.

No file is opened, so that a hundred thousand entries are listed in a blink; whether a file holds what
its name says is known when it is loaded. Links are not followed, neither of files nor of folders:
a corpus that came from elsewhere must not reach outside of itself.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from stressor.corpus.entry import Entry

EXEMPLAR = "exemplar"
MODELS = "models"
"""The folder of a corpus in which the findings of models are, in folders of their own."""
_ENTRY = re.compile(r"[0-9a-f]{16}\.json\Z")
# Readable notes beside the entries are welcome; drafts and version control begin with a dot.
_WELCOME = re.compile(r"\.|README|exemplar\Z", re.IGNORECASE)


@frozen
class CorpusProblem:
    """One file or folder that was skipped, and why. It is left where it is."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@frozen
class Listing:
    """Entries by folder and name, and what was skipped."""

    entries: tuple[Entry, ...]
    problems: tuple[CorpusProblem, ...]


def list_corpus(root: Path) -> Listing:
    """List a corpus; one that does not exist is empty."""
    problems: list[CorpusProblem] = []
    entries = [
        entry for folder in folders_in(root, problems) for entry in entries_in(folder, problems)
    ]
    return Listing(tuple(entries), tuple(problems))


def entries_in(folder: Path, problems: list[CorpusProblem]) -> Iterator[Entry]:
    """Yield the entries of one signature's folder, by name."""
    for found in _scan(folder, problems):
        if _ENTRY.match(found.name) and found.is_file(follow_symlinks=False):
            yield Entry(Path(found.path))
        elif not _WELCOME.match(found.name):
            problems.append(CorpusProblem(Path(found.path), _not_an_entry(found)))


def folders_in(root: Path, problems: list[CorpusProblem]) -> Iterator[Path]:
    """Yield the folders of a corpus, by name."""
    for found in _scan(root, problems):
        if _WELCOME.match(found.name):
            continue
        if found.is_dir(follow_symlinks=False):
            if found.name != MODELS:
                yield Path(found.path)
        elif found.is_symlink():
            problems.append(CorpusProblem(Path(found.path), "is a link, which is not followed"))
        else:
            problems.append(CorpusProblem(Path(found.path), "is not a folder of entries"))


def _scan(folder: Path, problems: list[CorpusProblem]) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(CorpusProblem(folder, f"cannot be listed: {error.strerror}"))
        return []


def _not_an_entry(found: "os.DirEntry[str]") -> str:
    if found.is_symlink():
        return "is a link, which is not followed"
    if not _ENTRY.match(found.name):
        return "has not the name of an entry, 16 hexadecimal digits and .json"
    return "is not a regular file"
