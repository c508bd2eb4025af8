"""What models broke, in a corpus: beside the folders of targets, a folder for each broken invariant.

Decides what is kept: the cheapest runs up to a number, and the newest. Everything else is as for the
trials of targets (`store`): whole files named by their content, nothing of a stranger's believed.
"""

from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, field, frozen

from stressor.corpus.entry import Entry, EntryError, load_finding
from stressor.corpus.folder import safe_name
from stressor.corpus.listing import MODELS, CorpusProblem, Listing, entries_in, list_corpus
from stressor.corpus.store import OTHERS, Merged, Pruned
from stressor.corpus.write import (
    CorpusWriteError,
    make_folder,
    remove_file,
    stale_drafts,
    write_whole,
)
from stressor.model.codec import CodecError, decode, encode_readable, run_key
from stressor.model.finding import Finding

MOST_CHARACTERS = 10_000
"""Of the text of one value of the state: a reader looks at no more."""

type Loaded = tuple[Entry, Finding]


@frozen
class Findings:
    """The findings of models in a corpus. All methods read the folder anew."""

    corpus: Path = field(converter=Path)

    @property
    def root(self) -> Path:
        """The folder that the folders of findings are in."""
        return self.corpus / MODELS

    def keep(self, finding: Finding) -> Path:
        """Write a finding and return its file.

        Raises `CorpusWriteError`, also for what could not be read again.
        """
        path = self.path_of(finding)
        make_folder(self.root)
        make_folder(path.parent)
        write_whole(path, _encoded(path, finding))
        for entry, _ in load_findings(path.parent)[0][OTHERS + 1 :]:
            if entry.path != path:
                remove_file(entry.path)
        return path

    def path_of(self, finding: Finding) -> Path:
        """The file that a finding has or would have. Raises `CorpusWriteError`."""
        run = finding.run
        name = "-".join(filter(None, (run.mechanism, run.defect, finding.broken.key)))
        try:
            return self.root / safe_name(name) / f"{run_key(run)}.json"
        except CodecError as error:
            raise CorpusWriteError(self.root / safe_name(name), error.problem) from None

    def listing(self) -> Listing:
        """All entries by name, and what was skipped; opens no file."""
        # A link is told by whoever lists the corpus.
        return Listing((), ()) if self.root.is_symlink() else list_corpus(self.root)

    def load(self, entry: Entry) -> Finding:
        """Read one entry. Raises `EntryError`."""
        return load_finding(entry)

    def merge(self, other: Path) -> Merged:
        """Take over the findings of another corpus, or one file. Raises `CorpusWriteError`."""
        listing = Findings(other).listing() if other.is_dir() else Listing((Entry(other),), ())
        problems = list(listing.problems)
        added: list[Path] = []
        known: list[Path] = []
        for entry in listing.entries:
            try:
                finding = self.load(entry)
            except EntryError as error:
                problems.append(CorpusProblem(error.path, error.reason))
                continue
            is_known = self.path_of(finding).exists()
            (known if is_known else added).append(self.keep(finding))
        return Merged(tuple(added), tuple(known), tuple(problems))

    def prune(self, others: int = OTHERS) -> Pruned:
        """Keep the cheapest finding of each folder and `others` more; remove stale drafts.

        What cannot be read is not removed. Raises `CorpusWriteError`.
        """
        removed: list[Path] = []
        problems: list[CorpusProblem] = []
        for folder in self._folders():
            loaded, refused = load_findings(folder)
            problems += refused
            surplus = (entry.path for entry, _ in loaded[others + 1 :])
            removed += [path for path in [*surplus, *stale_drafts(folder)] if remove_file(path)]
        return Pruned(tuple(removed), tuple(problems))

    def _folders(self) -> Iterator[Path]:
        yield from dict.fromkeys(entry.path.parent for entry in self.listing().entries)


def load_findings(folder: Path) -> tuple[list[Loaded], list[CorpusProblem]]:
    """Read all findings of a folder, cheapest first, and say what is none."""
    problems: list[CorpusProblem] = []
    loaded: list[Loaded] = []
    for entry in entries_in(folder, problems):
        try:
            loaded.append((entry, load_finding(entry)))
        except EntryError as error:
            problems.append(CorpusProblem(error.path, error.reason))
    return sorted(loaded, key=lambda pair: (pair[1].run.cost, pair[0].key)), problems


def find_cheapest(folder: Path) -> Entry | None:
    """The cheapest finding of a folder; None when no entry of it can be read as one."""
    loaded, _ = load_findings(folder)
    return loaded[0][0] if loaded else None


def _encoded(path: Path, finding: Finding) -> bytes:
    """The finding as a file, once that has been read back."""
    cut = evolve(finding, before=_cut(finding.before), after=_cut(finding.after))
    try:
        data = encode_readable(cut)
        decode(data, Finding, str(path))
    except CodecError as error:
        reason = f"stressor would refuse to read it again: {error.problem}"
        raise CorpusWriteError(path, reason) from None
    return data


def _cut(state: dict[str, str]) -> dict[str, str]:
    return {
        name: value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]} [...]"
        for name, value in state.items()
    }
