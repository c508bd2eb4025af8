"""Files of failures: content-addressed, versioned data, safe to delete, to merge and to receive."""

from stressor.corpus.entry import Entry, EntryError, load_entry, load_kept
from stressor.corpus.findings import Findings
from stressor.corpus.listing import CorpusProblem, Listing
from stressor.corpus.store import Corpus
from stressor.corpus.write import CorpusWriteError

__all__ = [
    "Corpus",
    "CorpusProblem",
    "CorpusWriteError",
    "Entry",
    "EntryError",
    "Findings",
    "Listing",
    "load_entry",
    "load_kept",
]
