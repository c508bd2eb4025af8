"""Which entry of a folder is shown first: the cheapest, and of equals the one that fails more often.

The file `exemplar` in the folder names it. It only saves reading the others: when it is missing,
stale or nonsense, or names what cannot be read, all are read.
"""

import re
from pathlib import Path

from stressor.corpus.entry import INSIDE, Entry, EntryError, load_stored, read_regular
from stressor.corpus.listing import EXEMPLAR, CorpusProblem, entries_in
from stressor.corpus.write import CorpusWriteError, write_whole
from stressor.model.cost import Cost, cost
from stressor.model.trial import Trial

type Loaded = tuple[Entry, Trial]

MOST_NAME = 100
_NAME = re.compile(rb"[0-9a-f]{16}\.json\n?\Z")


def weight(trial: Trial) -> tuple[Cost, float]:
    """Sort trials of one signature: the exemplar has the least."""
    rate = trial.rate
    return cost(trial.plan), -(rate.hits / rate.runs) if rate and rate.runs else 0.0


def load_all(folder: Path) -> tuple[list[Loaded], list[CorpusProblem]]:
    """Read all entries of a signature's folder, lightest first."""
    problems: list[CorpusProblem] = []
    loaded: list[Loaded] = []
    for entry in entries_in(folder, problems):
        try:
            loaded.append((entry, load_stored(entry)))
        except EntryError as error:
            problems.append(CorpusProblem(error.path, error.reason))
    return sorted(loaded, key=lambda pair: weight(pair[1])), problems


def named_exemplar(folder: Path) -> Entry | None:
    """Return the entry that the file names, if it is there."""
    try:
        name = read_regular(folder / EXEMPLAR, MOST_NAME, INSIDE)
    except EntryError:
        return None
    if not _NAME.match(name):
        return None
    path = folder / name.decode().strip()
    return Entry(path) if path.is_file() and not path.is_symlink() else None


def find_exemplar(folder: Path) -> Entry | None:
    """Return the exemplar of a signature's folder; None when no entry of it can be read."""
    known = named_exemplar(folder)
    if known is not None and _is_readable(known):
        return known
    loaded, _ = load_all(folder)
    return loaded[0][0] if loaded else None


def _is_readable(entry: Entry) -> bool:
    try:
        load_stored(entry)
    except EntryError:
        return False
    return True


def name_exemplar(folder: Path, entry: Entry) -> None:
    """Remember the exemplar. Nothing is lost when that fails: the entry itself has been written."""
    try:
        write_whole(folder / EXEMPLAR, f"{entry.path.name}\n".encode())
    except CorpusWriteError:
        return
