"""What each native scheduler finds and what it misses, on simulated programs: no thread, no trial.

Seeds are drawn anew in every run and printed when a test fails.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random, SystemRandom

import pytest

from stressor.strategies.bounds import pct_bound
from tests.native.simulated import Event, Program, in_order, simulate, steps

pytestmark = [pytest.mark.power, pytest.mark.native]

MISS = 1e-9

type Bug = Callable[[Sequence[str]], bool]


def runs(program: Program, name: str, count: int, **numbers: int) -> Iterator[list[str]]:
    seed = SystemRandom().getrandbits(32)
    print(f"{name} {numbers}: seed {seed}")
    draw = Random(seed)
    for _ in range(count):
        yield simulate(program, name, draw.getrandbits(64), **numbers)


def hits(bug: Bug, program: Program, name: str, count: int, **numbers: int) -> int:
    return sum(bug(made) for made in runs(program, name, count, **numbers))


def enough(chance: float) -> int:
    """Runs of which at least one hits, but for a chance of `MISS`."""
    return math.ceil(math.log(MISS) / math.log1p(-chance))


def chain(depth: int) -> Program:
    """Two threads and a bug that needs `depth` orders: link0 of one, link1 of the other, link2, ...

    Each thread does something else between its links.
    """
    return [
        [
            event
            for link in range(thread, depth + 1, 2)
            for event in (Event(f"t{thread}-{link}"), Event(f"link{link}"))
        ]
        for thread in range(2)
    ]


def chained(depth: int) -> Bug:
    names = [f"link{link}" for link in range(depth + 1)]
    return lambda made: in_order(made, *names)


def length(program: Program) -> int:
    return sum(map(len, program))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.slow
def test_pct_keeps_its_bound(depth: int) -> None:
    # At the bound there were 100 hits on average. With that mean, fewer than 50 have a probability of
    # 2e-8 (Poisson); what PCT truly has is more than the bound, so this fails even more rarely.
    program = chain(depth)
    bound = pct_bound(len(program), length(program), depth)
    count = math.ceil(100 / bound)
    found = hits(chained(depth), program, "pct", count, depth=depth, steps=length(program))
    assert found >= 50, f"{found} hits of {count}, the bound promises {bound * count:.0f}"


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_pct_of_less_depth_never_hits(depth: int) -> None:
    # depth - 1 switches away from a thread that could go on are needed, and it makes depth - 2.
    program = chain(depth)
    less = {"depth": depth - 1, "steps": length(program)}
    assert hits(chained(depth), program, "pct", 1000, **less) == 0
    # Misses with a probability below 1e-9, by the bound.
    full = {"depth": depth, "steps": length(program)}
    count = enough(pct_bound(len(program), length(program), depth))
    assert any(map(chained(depth), runs(program, "pct", count, **full)))


MANY = 40


def use_comes_last(made: Sequence[str]) -> bool:
    return made[-1] == "use"


def use_comes_first(made: Sequence[str]) -> bool:
    return next(name for name in made if name == "use" or name.startswith("shared")) == "use"


def test_pos_hits_what_the_walk_misses() -> None:
    # The walk passes over one of two threads 41 times with probability 2**-41, so in all runs
    # together it hits with one below 4e-10. With POS "use" keeps its priority and comes last when
    # that is the lowest of 42 draws.
    program: Program = [[*steps("other", MANY), Event("free", 1)], [Event("use", 1)]]
    count = enough(1 / (MANY + 2))
    assert hits(use_comes_last, program, "walk", count) == 0
    assert hits(use_comes_last, program, "pos", count) > 0


def test_surw_hits_what_pos_and_the_walk_miss() -> None:
    # All events race here, so POS tosses a coin after each of them: 2**-40 like the walk, and below
    # 1e-9 in all runs together. Uniform over orders: 1 of the 41 places of "use" is the last.
    program: Program = [steps("shared", MANY, obj=1), [Event("use", 1)]]
    count = enough(1 / (MANY + 1))
    assert hits(use_comes_last, program, "walk", count) == 0
    assert hits(use_comes_last, program, "pos", count) == 0
    assert hits(use_comes_last, program, "surw", count, count0=MANY, count1=1) > 0


def test_surw_hits_by_selecting() -> None:
    # "use" must come before all of 24 and after 60 that do not matter. Uniform over all orders has
    # 1 / C(85, 24) < 1e-20 for it; uniform over those of object 1 has 1 / 25.
    program: Program = [steps("shared", 24, obj=1), [*steps("other", 60), Event("use", 1)]]
    count = enough(1 / 25)
    everything = {"count0": 24, "count1": 61}
    assert hits(use_comes_first, program, "surw", count, **everything) == 0
    selected = {"count0": 24, "count1": 1, "object": 1}
    assert hits(use_comes_first, program, "surw", count, **selected) > 0


def test_delayed_hits_what_the_non_preemptive_order_misses() -> None:
    # One delay after "check" is enough, however many threads wait in between: 1 of 12 steps a run.
    program: Program = [
        [Event("check"), Event("act")],
        *([[*steps(f"t{n}-", 2)] for n in range(5)]),
    ]
    count = enough(1 / length(program))

    def bug(made: Sequence[str]) -> bool:
        return in_order(made, "check", "t0-0", "act")

    assert hits(bug, program, "first", 5) == 0
    assert hits(bug, program, "delayed", count, delays=0) == 0
    assert hits(bug, program, "delayed", count, delays=1, steps=length(program)) > 0
