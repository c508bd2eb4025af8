"""Exhaustive search under a bound: every schedule of one program that costs no more, each once.

Stateless: a run is a prefix of choices and then the scheduler "first"; what a run shows of its
choices is what further prefixes are made of. All schedules of a lower cost come first, as in
iterative context bounding (Musuvathi and Qadeer, PLDI 2007), so that a search that is cut short has
finished a smaller bound. Sleep sets (see `sleep`) are asked for, since with them less is promised.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from stressor.model.evidence import Control, Step
from stressor.model.plan import Schedule, Switch
from stressor.schedules.bound import Bound
from stressor.schedules.order import usual
from stressor.schedules.recorded import switch_at
from stressor.schedules.sleep import Pending, exchangeable, pending_of

TRIES = 3
"""Runs of one schedule before it counts as lost: another run may stay on course."""


@frozen
class _Branch:
    """A prefix: its last switch and what comes before it. Shared, since there may be a million.

    `way` is a hash of all choices up to the switch, so that a run that went another way is noticed;
    `asleep` are threads whose turn after the switch is tried elsewhere.
    """

    parent: "_Branch | None"
    switch: Switch
    cost: int
    way: int
    asleep: frozenset[int] = frozenset()
    tries: int = 0

    def switches(self) -> Iterator[Switch]:
        """From the last one back to the first."""
        branch: _Branch | None = self
        while branch is not None:
            yield branch.switch
            branch = branch.parent


class Search:
    """One program's schedules. `next`, run it, `learn`, and so on until `next` gives None.

    `tried` counts schedules by their cost; `lost` those that never went as planned.
    """

    def __init__(self, bound: Bound, base: Schedule | None = None, sleeps: bool = False) -> None:
        self.bound = bound
        self.sleeps = sleeps
        self.tried: Counter[int] = Counter()
        self.lost = 0
        self._unclear: set[str] = set()
        self._base = base or Schedule()
        self._waiting: dict[int, list[_Branch | None]] = {0: [None]}
        self._running: tuple[_Branch | None] | None = None
        self._root_tries = 0

    @property
    def exhausted(self) -> bool:
        """Whether every schedule within the bound was run as it was planned."""
        return not (self._waiting or self._running or self.reasons)

    @property
    def finished(self) -> int:
        """The largest cost all of whose schedules were run; -1 while there is none."""
        if self.reasons:
            return -1
        costs = [*self._waiting, *([_cost(self._running[0])] if self._running else [])]
        return min(costs, default=self.bound.most + 1) - 1

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the search cannot say that it has seen all, whatever is left."""
        lost = (f"{self.lost} did not go as planned in {TRIES} runs",) if self.lost else ()
        return (*lost, *sorted(self._unclear))

    def next(self) -> Schedule | None:
        """The next schedule; None when there is none left. What was not learnt from is lost."""
        if self._running is not None:
            self._lose(self._running[0])
        if not self._waiting:
            return None
        cost = min(self._waiting)
        branch = self._waiting[cost].pop()
        if not self._waiting[cost]:
            del self._waiting[cost]
        self._running = (branch,)
        switches = tuple(branch.switches())[::-1] if branch is not None else ()
        return evolve(self._base, switches=switches)

    def learn(self, control: Control | None) -> None:
        """What the run of the last schedule showed; None when it showed nothing."""
        if self._running is None:
            return
        (branch,) = self._running
        if control is None or control.divergence is not None or not _is_on_course(branch, control):
            self._lose(branch)
            return
        self._running = None
        self.tried[_cost(branch)] += 1
        if control.revoked:
            self._unclear.add("threads waited in calls that are not modelled")
        if control.count > len(control.steps):
            self._unclear.add("there were more choices than a record holds")
        self._branch_out(branch, control.steps)

    def _lose(self, branch: _Branch | None) -> None:
        """Try again, until it must be given up."""
        self._running = None
        tries = branch.tries if branch is not None else self._root_tries
        if tries + 1 == TRIES:
            self.lost += 1
        elif branch is not None:
            self._push(evolve(branch, tries=tries + 1))
        else:
            self._root_tries += 1
            self._push(None)

    def _push(self, branch: _Branch | None) -> None:
        self._waiting.setdefault(_cost(branch), []).append(branch)

    def _branch_out(self, branch: _Branch | None, steps: Sequence[Step]) -> None:
        """Every other choice behind the prefix, within the bound."""
        first = branch.switch.step + 1 if branch is not None else 0
        asleep = branch.asleep if branch is not None else frozenset()
        pending: dict[int, Pending | None] = {}
        way = 0
        for number, step in enumerate(steps):
            pending[step.thread] = pending_of(step)
            if number >= first:
                asleep &= frozenset(step.ready)
                self._others(branch, number, step, way, asleep, pending)
                if step.to in asleep:
                    return  # the rest of this run is tried elsewhere, in another order
                asleep = _still(asleep, step.to, pending)
            way = hash((way, _seen(step), step.to))

    def _others(
        self,
        branch: _Branch | None,
        number: int,
        step: Step,
        way: int,
        asleep: frozenset[int],
        pending: dict[int, Pending | None],
    ) -> None:
        """All that could have been chosen instead; each sleeps for those before it."""
        tried = asleep | {step.to}
        for to in step.ready:
            cost = _cost(branch) + self.bound.cost(step, to)
            if to in tried or cost > self.bound.most:
                continue
            sleeping = _still(tried, to, pending) if self.sleeps else frozenset()
            here = hash((way, _seen(step), to))
            self._push(_Branch(branch, switch_at(number, step, to), cost, here, sleeping))
            tried |= {to}


def _cost(branch: _Branch | None) -> int:
    return branch.cost if branch is not None else 0


def _seen(step: Step) -> tuple[object, ...]:
    """What must be the same in every run that made the same choices; addresses need not be."""
    return (step.thread, step.site, step.visit, step.phase, step.why, step.ready)


def _is_on_course(branch: _Branch | None, control: Control) -> bool:
    """Whether the run made the choices of the prefix, at the same places, and then those of "first"."""
    last = branch.switch.step if branch is not None else -1
    if len(control.steps) <= last or not control.steps:
        return False
    way = 0
    for step in control.steps[: last + 1]:
        way = hash((way, _seen(step), step.to))
    if branch is not None and way != branch.way:
        return False
    return all(step.to == usual(step) for step in control.steps[last + 1 :])


def _still(asleep: frozenset[int], to: int, pending: dict[int, Pending | None]) -> frozenset[int]:
    """Those that go on sleeping while `to` does what it is about to do."""
    chosen = pending.get(to)
    return frozenset(
        thread for thread in asleep if thread != to and exchangeable(pending.get(thread), chosen)
    )
