"""Feedback: schedules that showed a new ordered pair are kept, and changed a little to find more.

Decides what is kept and how switches are changed; the pairs are `pairs`' business, and which program
gets which share of the trials is the campaign's. As in RFF (Wolff et al., ASPLOS 2024), what is kept
is drawn the more often the rarer its pairs are, so that a common order does not crowd out the others.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

from attrs import evolve, frozen

from stressor.model.evidence import Control, Step
from stressor.model.plan import ANY_STEP, Plan, Switch
from stressor.schedules.pairs import Pair, ordered_pairs
from stressor.schedules.recorded import is_at_visit, switch_at, visit_switches_of

MOST_KEPT = 256
"""Schedules in the pool; the one with the commonest pairs goes first."""

MOST_PLACES = 128
"""Choices of a kept schedule at which a new switch can be put."""

MOST_CHANGES = 3

type _Switches = list[Switch]


@frozen
class Kept:
    """A schedule that showed something new: its plan, its switches by visit, and where else to switch.

    `places` are all other choices that there were to make, as switches.
    """

    plan: Plan
    switches: tuple[Switch, ...]
    places: tuple[Switch, ...]
    pairs: frozenset[Pair]


class Feedback:
    """The pool of one campaign. Depends on what it has learnt, in that order, and on nothing else."""

    def __init__(self) -> None:
        self._seen: Counter[Pair] = Counter()
        self._pool: list[Kept] = []

    def __len__(self) -> int:
        return len(self._pool)

    @property
    def pairs(self) -> int:
        """Different ordered pairs so far."""
        return len(self._seen)

    def learn(self, plan: Plan, control: Control) -> int:
        """Look at the last round of a trial; returns how many pairs were new."""
        found = ordered_pairs(control.steps)
        new = found - self._seen.keys()
        self._seen.update(found)
        if new and control.count == len(control.steps):
            switches = visit_switches_of(control.steps)
            self._pool.append(Kept(plan, switches, _places(control.steps), new))
            if len(self._pool) > MOST_KEPT:
                self._pool.remove(min(self._pool, key=self._rarity))
        return len(new)

    def draw(self, rng: Random) -> Kept | None:
        """One of the pool with some of its switches changed; None while the pool is empty."""
        if not self._pool:
            return None
        kept = rng.choices(self._pool, [self._rarity(each) for each in self._pool])[0]
        switches = list(kept.switches)
        for _ in range(rng.randint(1, MOST_CHANGES)):
            change: Callable[[Random, _Switches, Kept], None] = rng.choice(_CHANGES)
            change(rng, switches, kept)
        return evolve(kept, switches=tuple(switches))

    def _rarity(self, kept: Kept) -> float:
        """1 when one of its pairs was seen only then, less the commoner all are."""
        return 1 / min(self._seen[pair] for pair in kept.pairs)


def _places(steps: tuple[Step, ...]) -> tuple[Switch, ...]:
    places = [
        switch_at(ANY_STEP, step, to)
        for step in steps
        if is_at_visit(step)
        for to in step.ready
        if to not in (step.to, step.thread)
    ]
    # The whole round evenly, should there be too many: the end matters as much as the beginning.
    return tuple(places[:: -(-len(places) // MOST_PLACES) or 1])


def _drop(rng: Random, switches: _Switches, kept: Kept) -> None:
    if switches:
        switches.pop(rng.randrange(len(switches)))


def _add(rng: Random, switches: _Switches, kept: Kept) -> None:
    taken = {_place(switch) for switch in switches}
    free = [place for place in kept.places if _place(place) not in taken]
    if free:
        switches.append(rng.choice(free))


def _move(rng: Random, switches: _Switches, kept: Kept) -> None:
    _drop(rng, switches, kept)
    _add(rng, switches, kept)


def _place(switch: Switch) -> tuple[object, ...]:
    return (switch.thread, switch.site, switch.visit, switch.phase)


_CHANGES: tuple[Callable[[Random, _Switches, Kept], None], ...] = (_drop, _add, _add, _move)
