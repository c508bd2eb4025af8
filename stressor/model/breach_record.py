"""The part of a record that the monitors write: breaches of their laws.

The layout is that of `struct stressor_breach` in `native/include/stressor/record.h`. As with the rest of
a record nothing is trusted: what makes no sense is left out.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Sequence

from stressor.model.evidence import Breach, Frame
from stressor.model.monitors import LAWS
from stressor.model.site import Phase

MAX_BREACHES, MAX_FRAMES, WORDS = 8, 48, 3

BREACH = struct.Struct(f"<IIIiIIIIQ{WORDS}q{MAX_FRAMES}Q")
SIZE = MAX_BREACHES * BREACH.size

_PHASES = tuple(Phase)

type Table = tuple[mmap.mmap, int, int]
type Frames = Callable[[Sequence[int], int], tuple[Frame, ...]]


def read(table: Table, keys: Sequence[str], frames: Frames) -> tuple[Breach, ...]:
    """The breaches in the record.

    `table` is the mapped record, where its breaches begin, and how many slots were taken; `keys` are
    those of the record's sites; `frames` makes frames of places, and how many of them are valid.
    """
    return tuple(_breaches(table, keys, frames))


def _breaches(table: Table, keys: Sequence[str], frames: Frames) -> Iterator[Breach]:
    data, at, count = table
    for slot in range(min(count, MAX_BREACHES)):
        raw = BREACH.unpack_from(data, at + slot * BREACH.size)
        law, site, visit, thread, phase, times, ready, frame_count, obj, *rest = raw
        if ready and law < len(LAWS) and site < len(keys) and keys[site] and phase < len(_PHASES):
            yield Breach(
                law=LAWS[law].name,
                site=keys[site],
                thread=thread,
                visit=visit,
                phase=_PHASES[phase],
                obj=obj,
                words=tuple(rest[: len(LAWS[law].words)]),
                times=times,
                frames=frames(rest[WORDS:], frame_count),
            )
