"""A cheaper run that breaks the same invariant: fewer threads, fewer turns, fewer steps.

Greedy, over the runs of steps that one thread takes in a row: leave one out, or move it to the next
one of the same thread. What is left of the schedule is followed as far as it goes (`Follow`), and is
accepted only when it costs less and breaks the same invariant. Smaller sizes are tried by searching
all their states.
"""

from collections.abc import Callable, Iterator
from itertools import groupby

from stressor.mechanisms.choosers import Follow
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.replay import told
from stressor.mechanisms.running import Crew, EndlessError, Makes, run

SMALL = 20_000
"""States after which the search of a smaller size is given up."""

type Block = tuple[int, int]  # a thread, and how many steps it takes in a row
type MakesOf = Callable[[dict[str, int]], Makes]


def shrink(finding: Finding, makes_of: MakesOf) -> Finding:
    """The finding with sizes, threads, turns and steps as few as were found; same invariant.

    `makes_of` makes models of the finding's mechanism and defect, of other sizes.
    """
    best = _rescheduled(finding, makes_of(finding.run.sizes))
    for name in finding.run.sizes:
        while (smaller := _smaller(best, name, makes_of)) is not None:
            best = smaller
    return best


def _smaller(finding: Finding, name: str, makes_of: MakesOf) -> Finding | None:
    """A finding of the same invariant with one size less by one, if that does not make it longer."""
    sizes = finding.run.sizes | {name: finding.run.sizes[name] - 1}
    if sizes[name] < 1:
        return None
    found = exhaust(makes_of(sizes), SMALL).finding
    if found is None or found.broken.key != finding.broken.key:
        return None
    found = _rescheduled(found, makes_of(sizes))
    return found if found.run.cost <= finding.run.cost else None


def _rescheduled(finding: Finding, makes: Makes) -> Finding:
    """The finding with the cheapest schedule that edits come to."""
    names = Crew(makes()).names
    best = [names.index(each) for each in finding.run.schedule]
    while (better := _better(best, finding.broken.key, makes)) is not None:
        best = better
    return told(makes, best) or finding


def _better(best: list[int], key: str, makes: Makes) -> list[int] | None:
    """The first cheaper schedule that is found."""
    for candidate in _candidates([(thread, len(list(steps))) for thread, steps in groupby(best)]):
        try:
            ran = run(
                makes(), Follow([thread for thread, steps in candidate for _ in range(steps)])
            )
        except EndlessError:  # what is left spins for a step that was left out
            continue
        same = ran.broken is not None and ran.broken.key == key
        if same and _cost(ran.schedule) < _cost(best):
            return ran.schedule
    return None


def _candidates(blocks: list[Block]) -> Iterator[list[Block]]:
    """Edits of a schedule, those that save most first."""
    for thread in {thread for thread, _ in blocks}:
        yield [block for block in blocks if block[0] != thread]
    for number, (thread, steps) in enumerate(blocks):
        before, after = blocks[:number], blocks[number + 1 :]
        yield [*before, *after]
        later = next((n for n, block in enumerate(after) if block[0] == thread), None)
        if later is not None:
            joined = (thread, steps + after[later][1])
            yield [*before, *after[:later], joined, *after[later + 1 :]]
            yield [*before, joined, *after[:later], *after[later + 1 :]]
        if steps > 1:
            yield [*before, (thread, steps - 1), *after]


def _cost(schedule: list[int]) -> tuple[int, int, int]:
    return len(set(schedule)), sum(1 for _ in groupby(schedule)), len(schedule)
