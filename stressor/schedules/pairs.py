"""Ordered pairs: which two visits of one object came one after the other in different threads.

Two schedules that order all conflicting visits alike do the same, so a new pair is a sign of a new
behaviour, as reads-from pairs are for Wolff et al., "Greybox fuzzing for concurrency testing" (RFF,
ASPLOS 2024). The side of a visit counts: passing a thread that is inside a call, or between two, is not
the same.
"""

from collections.abc import Iterable

from stressor.model.evidence import Step
from stressor.model.site import Phase

type Side = tuple[str, Phase]
type Pair = tuple[Side, Side]


def ordered_pairs(steps: Iterable[Step]) -> frozenset[Pair]:
    """The pairs of one round. A visit counts when its thread goes on, not when it arrives."""
    arrived: dict[int, tuple[Side, int]] = {}
    last: dict[int, tuple[int, Side]] = {}
    pairs: set[Pair] = set()
    for step in steps:
        if step.site and step.obj:
            arrived[step.thread] = ((step.site, step.phase), step.obj)
        going = arrived.pop(step.to, None)
        if going is None:
            continue
        side, obj = going
        thread, before = last.get(obj, (step.to, side))
        if thread != step.to:
            pairs.add((before, side))
        last[obj] = (step.to, side)
    return frozenset(pairs)
