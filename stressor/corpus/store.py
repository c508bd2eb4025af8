"""A corpus: one folder per signature and target, in it one file per plan.

Decides what is kept of many failures of one target with one signature: the cheapest up to a number,
and the newest. Several campaigns may write to one corpus: each file is whole
at any time, its name is that of its content, and a file that somebody else removed is no error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import field, frozen

from stressor.corpus.entry import Entry, EntryError, load_stored
from stressor.corpus.exemplar import Loaded, find_exemplar, load_all, name_exemplar
from stressor.corpus.folder import folder_name, is_same, may_hold
from stressor.corpus.listing import CorpusProblem, Listing, entries_in, folders_in, list_corpus
from stressor.corpus.trim import encode_entry
from stressor.corpus.write import (
    CorpusWriteError,
    make_folder,
    remove_file,
    stale_drafts,
    write_whole,
)
from stressor.model.codec import CodecError, decode, plan_key
from stressor.model.outcome import Signature
from stressor.model.trial import Trial

OTHERS = 8
"""Entries of a folder beside its exemplar: more of the same bug teach nothing."""

# Finding what is too much means reading the folder; who put more into one knows why.
MOST_TO_TIDY = 64


@frozen
class Merged:
    """What merging did: files written, files that were there, and what was refused."""

    added: tuple[Path, ...]
    known: tuple[Path, ...]
    problems: tuple[CorpusProblem, ...]


@frozen
class Pruned:
    """What pruning removed, and what it could not read and therefore left alone."""

    removed: tuple[Path, ...]
    problems: tuple[CorpusProblem, ...]


@frozen
class Known:
    """The cheapest entry of each signature of one target, and what was skipped on the way."""

    entries: tuple[Loaded, ...]
    problems: tuple[CorpusProblem, ...]


@frozen
class Corpus:
    """A folder of failures; it is made when the first one is kept. All methods read it anew."""

    root: Path = field(converter=Path)

    def keep(self, trial: Trial) -> Path:
        """Write a failing trial and return its file.

        A trial without a rate does not replace the same plan with one. Raises `CorpusWriteError`,
        also for what could not be read again; ValueError for a trial without a failure.
        """
        path = self.path_of(trial)
        make_folder(path.parent)
        if trial.rate is not None or not _has_rate(path):
            write_whole(path, _readable(path, encode_entry(trial)))
            _settle(Entry(path))
        return path

    def path_of(self, trial: Trial) -> Path:
        """Return the file that a failing trial has or would have."""
        signature = trial.outcome.signature
        if signature is None:
            raise ValueError("a trial without a failure is not kept")
        folder = folder_name(signature, trial.plan.target)
        return self.root / folder / f"{plan_key(trial.plan)}.json"

    def listing(self) -> Listing:
        """All entries by name, and what was skipped; opens no file."""
        return list_corpus(self.root)

    def entries(self) -> tuple[Entry, ...]:
        """All entries by name."""
        return self.listing().entries

    def load(self, entry: Entry) -> Trial:
        """Read one entry. Raises `EntryError`."""
        return load_stored(entry)

    def exemplars(self) -> Iterator[Entry]:
        """Yield the exemplar of each folder that has a readable entry, by name."""
        for folder in self._folders():
            exemplar = find_exemplar(folder)
            if exemplar is not None:
                yield exemplar

    def exemplar(self, signature: Signature, target: str) -> Entry | None:
        """Return the exemplar of the folder of a target's signature, if there is any."""
        return find_exemplar(self.root / folder_name(signature, target))

    def known(self, target: str) -> Known:
        """Read the entries of one target; folders that cannot hold any are not opened."""
        problems: list[CorpusProblem] = []
        cheapest: dict[Signature, Loaded] = {}
        for folder in list(folders_in(self.root, problems)):
            if may_hold(folder.name, target):
                loaded, refused = load_all(folder)
                problems += refused
                for entry, trial in loaded:  # lightest first
                    signature = trial.outcome.signature
                    if signature is not None and is_same(trial.plan.target, target):
                        cheapest.setdefault(signature, (entry, trial))
        return Known(tuple(cheapest.values()), tuple(problems))

    def merge(self, other: Path) -> Merged:
        """Take over the entries of another corpus, or one file. Raises `CorpusWriteError`.

        Each goes where its content belongs, whatever it was called.
        """
        listing = list_corpus(other) if other.is_dir() else Listing((Entry(other),), ())
        problems = list(listing.problems)
        added: list[Path] = []
        known: list[Path] = []
        for entry in listing.entries:
            try:
                trial = load_stored(entry)
            except EntryError as error:
                problems.append(CorpusProblem(error.path, error.reason))
                continue
            is_known = self.path_of(trial).exists()
            (known if is_known else added).append(self.keep(trial))
        return Merged(tuple(added), tuple(known), tuple(problems))

    def prune(self, others: int = OTHERS) -> Pruned:
        """Keep the exemplar and the cheapest `others` of each target; remove stale drafts.

        What cannot be read is not removed. Raises `CorpusWriteError`.
        """
        removed: list[Path] = []
        problems: list[CorpusProblem] = []
        for folder in self._folders():
            loaded, refused = load_all(folder)
            problems += refused
            surplus = (entry.path for entry in _surplus(loaded, others + 1))
            removed += [path for path in [*surplus, *stale_drafts(folder)] if remove_file(path)]
            if loaded:
                name_exemplar(folder, loaded[0][0])
        return Pruned(tuple(removed), tuple(problems))

    def _folders(self) -> Iterator[Path]:
        yield from dict.fromkeys(entry.path.parent for entry in self.entries())


def _readable(path: Path, data: bytes) -> bytes:
    """The data, once it has been read back: what nobody can replay is not said to be kept."""
    try:
        decode(data, Trial, str(path))
    except CodecError as error:
        reason = f"stressor would refuse to read it again: {error.problem}"
        raise CorpusWriteError(path, reason) from None
    return data


def _settle(new: Entry) -> None:
    """Choose the exemplar anew, and make room when there are too many; the new one stays."""
    folder = new.path.parent
    count = sum(1 for _ in entries_in(folder, []))
    if count > MOST_TO_TIDY:
        return
    loaded, _ = load_all(folder)
    if loaded:
        name_exemplar(folder, loaded[0][0])
    for entry in _surplus(loaded, OTHERS + 1):
        if entry != new:
            remove_file(entry.path)


def _surplus(loaded: Iterable[Loaded], most: int) -> Iterator[Entry]:
    """All but the lightest `most` of each target: several may share a folder."""
    seen: Counter[str] = Counter()
    for entry, trial in loaded:
        seen[trial.plan.target] += 1
        if seen[trial.plan.target] > most:
            yield entry


def _has_rate(path: Path) -> bool:
    try:
        return load_stored(Entry(path)).rate is not None
    except EntryError:
        return False
