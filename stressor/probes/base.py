"""What a probe is: a target whose check holds what its threads noted against the reference.

A probe says which mechanism it drives, what its notes mean in the reference, and which operations make
them; the C side is in `native/probes`. Leaves scheduling, isolation, minimizing and the corpus to what
every other target gets too. A twin is a subclass that drives something deliberately broken: the
monitor has to see it.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar

from stressor import _probes
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.registry import maker
from stressor.probes.monitor import END, Disagreement, Monitor, Note, Seen, TooWideError
from stressor.targets.definition import Target

SHOWN = 24
"""Notes that a disagreement tells: the last ones."""


class DisagreementError(AssertionError):
    """The interpreter did what the reference implementation does not allow."""


class Probe(Target):
    """One mechanism of the interpreter, driven by threads and held against its reference.

    `sizes` are those of the reference, `defect` what this version of CPython does otherwise, if there is
    such a thing: one of the reference's, told in the probe's docstring. `roles` are its threads by what
    they do: operations join a role by its number (`probe_join`), each thread of the trial at most `uses`
    times a round, and those that find no place do nothing. `sees` gives the notes their meaning;
    `watches` are symbols whose visits are notes too, "before NAME" and "after NAME".
    """

    mechanism: ClassVar[type[Mechanism]]
    sizes: ClassVar[dict[str, int]] = {}
    defect: ClassVar[str] = ""
    roles: ClassVar[tuple[tuple[str, ...], ...]]
    uses: ClassVar[int] = 1
    sees: ClassVar[Mapping[str, Seen]]
    watches: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        """Get the monitor ready, which every child of this process then has."""
        self.monitor = Monitor(maker(self.mechanism, self.defect, self.sizes), self.sees)
        self.slots = tuple(chain(*self.roles))

    def make(self) -> object:
        """Make the real thing, for one round."""
        raise NotImplementedError

    def look(self, state: object) -> None:
        """Raise `AssertionError` when the real thing is not as it must be after all threads ended."""

    def setup(self) -> object:
        """Begin a journal, then make the real thing."""
        _probes.begin(tuple(map(len, self.roles)), self.uses)
        state = self.make()
        for name in self.watches:
            _probes.watch(name, state)
        return state

    def check(self, state: object) -> None:
        """Raise `DisagreementError` when the reference does not allow what was noted."""
        noted = _probes.notes()
        if noted is None:
            return  # more than the journal holds: nothing can be said of this round
        notes = [Note(self.slots[slot], what, value) for slot, what, value in noted]
        try:
            disagreement = self.monitor.follow(notes)
        except TooWideError:
            disagreement = None
        if disagreement is not None:
            raise DisagreementError(told(self.mechanism.name, disagreement))
        self.look(state)


def told(mechanism: str, found: Disagreement) -> str:
    """Both sides: what was noted up to the disagreement, and where the reference could be then."""
    last = found.notes[found.number]
    lines = [
        f"{mechanism}: the interpreter did what the reference does not allow:"
        f" {_shown(last)}, note {found.number + 1} of {len(found.notes)}."
    ]
    lines.append("What was noted, in order:")
    first = max(0, found.number + 1 - SHOWN)
    if first:
        lines.append(f"  ... {first} earlier")
    lines += [f"  {_shown(each)}" for each in found.notes[first : found.number + 1]]
    lines.append(
        f"Before the last note the reference could be in {found.states} states, about to take:"
    )
    lines += [f"  {name}: {_listed(steps)}" for name, steps in found.places.items()]
    return "\n".join(lines)


def _shown(note: Note) -> str:
    return f"{note.thread} {note.what}" + (f" {note.value}" if note.value else "")


def _listed(steps: Sequence[str]) -> str:
    return " | ".join(step if step != END else "nothing more" for step in steps)
