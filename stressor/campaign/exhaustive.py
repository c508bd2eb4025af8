"""An exhaustive campaign: every schedule within the bound of one program, then of the next.

Decides the programs: all that there are, the shortest first, which begin with each pair of operations.
Most races need no more than two or three calls, so a campaign of minutes says much. Each schedule is
a trial of its own, alone in its process: what is said of all schedules must not hang on what an
earlier round left behind.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, groupby, islice, product
from random import Random

from attrs import evolve, frozen

from stressor.campaign.settings import Exhaustive, Settings, with_monitors
from stressor.model.plan import Allocator, Call, Plan, Schedule, Spec
from stressor.model.site import Site
from stressor.model.trial import Trial
from stressor.schedules.search import Search
from stressor.targets.harness import OperationInfo
from stressor.targets.programs import ENTROPY_SIZES, Program

NAME = "exhaustive"

LEAST_THREADS = 2

type _Shape = tuple[tuple[OperationInfo, ...], ...]


@frozen
class Explored:
    """One program: how many of its schedules were tried, and what is known by that.

    `finished` is the largest cost all of whose schedules were tried, -1 for none. `reasons` say why
    nothing can be claimed although the search has ended. `shown` is the program as text, if known.
    """

    program: Program
    asked: Exhaustive
    schedules: int
    exhausted: bool
    finished: int
    reasons: tuple[str, ...] = ()
    shown: tuple[tuple[str, ...], ...] = ()


@frozen
class Left:
    """`programs` of those with `calls` calls were not begun, and none with more."""

    calls: int
    programs: int


class ExhaustiveSearch:
    """The plans of one job; `job` of `jobs` takes every so many programs. For one job alone."""

    def __init__(
        self,
        asked: Exhaustive,
        settings: Settings,
        operations: Sequence[OperationInfo],
        job: int,
        jobs: int,
    ) -> None:
        self._asked = asked
        self._settings = settings
        self._programs = islice(programs(settings, operations), job, None, jobs)
        self._program: Program = ()
        self._search: Search | None = None
        self._explored: list[Explored] = []

    def plan(self, index: int, sites: Sequence[Site]) -> Plan | None:
        """The next schedule, of the next program if need be; None when all are done."""
        while True:
            schedule = self._search.next() if self._search is not None else None
            if schedule is not None:
                return self._plan(index, schedule)
            self._settle()
            program = next(self._programs, None)
            if program is None:
                return None
            # Without call sites there are only operations to order, and what they allocate and free.
            base = Schedule(hooks=not any(site.is_call for site in sites))
            self._program = program
            self._search = Search(self._asked.bound, base, self._asked.sleeps)

    def learn(self, trial: Trial) -> None:
        """What the schedule showed."""
        if self._search is not None:
            self._search.learn(trial.evidence.control)

    def explored(self) -> tuple[Explored, ...]:
        """The programs so far, the one under way included."""
        return (*self._explored, *self._under_way())

    def _settle(self) -> None:
        self._explored.extend(self._under_way())
        self._search = None

    def _under_way(self) -> Iterator[Explored]:
        if self._search is not None:
            yield Explored(
                self._program,
                self._asked,
                self._search.tried.total(),
                self._search.exhausted,
                self._search.finished,
                self._search.reasons,
            )

    def _plan(self, index: int, schedule: Schedule) -> Plan:
        plan = Plan(
            self._settings.target,
            self._program,
            seed=self._settings.seed,
            strategy=Spec(NAME, {"index": float(index)}),
            schedule=schedule,
            modules=self._settings.modules,
            runtime=self._settings.runtime,
            allocator=chosen_allocator(self._settings),
            limits=self._settings.limits,
        )
        monitors = self._settings.monitors
        return with_monitors(plan, monitors) if monitors else plan


def chosen_allocator(settings: Settings) -> Allocator:
    """Poisoned memory shows what was used after it was freed, on every schedule alike."""
    allocators = settings.allocators
    return Allocator.DEBUG if Allocator.DEBUG in allocators else allocators[0]


def programs(settings: Settings, operations: Sequence[OperationInfo]) -> Iterator[Program]:
    """Every program within the allowed threads and calls, but for the order of its threads.

    Those of few calls first; among as many, in an order drawn from the seed, as arguments are.
    """
    rng = Random(f"{settings.seed}:{NAME}")
    for calls in _sizes(settings):
        shapes = _shapes(settings, operations, calls)
        rng.shuffle(shapes)
        for shape in shapes:
            yield _with_arguments(rng, shape)


def left_over(settings: Settings, operations: Sequence[OperationInfo], begun: int) -> Left | None:
    """What of `programs` is left after the first `begun`; None when that is nothing."""
    for calls in _sizes(settings):
        count = len(_shapes(settings, operations, calls))
        if begun < count:
            return Left(calls, count - begun)
        begun -= count
    return None


def with_texts(explored: Sequence[Explored], texts: Sequence[str]) -> tuple[Explored, ...]:
    """The programs with their calls as `texts`, which are those of all of them in a row."""
    rest = iter(texts)
    return tuple(
        evolve(each, shown=tuple(tuple(islice(rest, len(calls))) for calls in each.program))
        for each in explored
    )


def _sizes(settings: Settings) -> range:
    return range(LEAST_THREADS, settings.threads * settings.calls + 1)


def _shapes(settings: Settings, operations: Sequence[OperationInfo], calls: int) -> list[_Shape]:
    return [
        shape
        for threads in range(LEAST_THREADS, min(settings.threads, calls) + 1)
        for sizes in _splits(calls, threads, settings.calls)
        for shape in _threads(sizes, operations)
    ]


def _splits(calls: int, threads: int, most: int) -> Iterator[tuple[int, ...]]:
    """Ways to share out calls to threads, the longest thread first."""
    if threads == 0:
        if calls == 0:
            yield ()
        return
    for first in range(min(most, calls - threads + 1), 0, -1):
        for rest in _splits(calls - first, threads - 1, first):
            yield (first, *rest)


def _threads(sizes: tuple[int, ...], operations: Sequence[OperationInfo]) -> Iterator[_Shape]:
    """All choices of operations for threads of these sizes; equally long ones in one order only."""
    groups = [
        combinations_with_replacement(product(operations, repeat=size), len(list(equal)))
        for size, equal in groupby(sizes)
    ]
    for chosen in product(*groups):
        yield tuple(thread for group in chosen for thread in group)


def _with_arguments(rng: Random, shape: _Shape) -> Program:
    """Entropy from a small pool: calls collide when they speak of the same key."""
    pool = [rng.randbytes(rng.choice(ENTROPY_SIZES)).hex() for _ in range(rng.choice((1, 2)))]
    return tuple(
        tuple(Call(each.name, rng.choice(pool) if each.has_arguments else "") for each in thread)
        for thread in shape
    )
