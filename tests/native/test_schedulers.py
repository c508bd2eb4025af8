"""Every scheduler: only ready threads, the same choices from the same seed, no starving, no nonsense."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from stressor._shim import Scheduler, schedulers
from stressor.model.evidence import Why
from tests.native.simulated import (
    NUMBERS,
    Does,
    Event,
    Program,
    Simulation,
    scheduler,
    simulate,
    steps,
)

pytestmark = pytest.mark.native

NAMES = [name for name, _ in schedulers()]
RANDOM = [name for name in NAMES if name != "first"]
every_scheduler = pytest.mark.parametrize("name", NAMES)

type Point = tuple[int, int, int, int, list[tuple[int, int, int, int, int]]]

# Small ranges, so that threads meet at the same sites and objects; the ends of the real ones too.
events = st.tuples(
    st.sampled_from([0, 1, 2, 2**64 - 1]),
    st.sampled_from([0, 7, 8, 2**64 - 1]),
    st.sampled_from([0, 1, 2, 2**32 - 1]),
    st.integers(0, 1),
    st.integers(0, 9),
)
RANGES: dict[str, SearchStrategy[int]] = {
    "depth": st.integers(1, 65),
    "delays": st.integers(0, 64),
    "steps": st.sampled_from([1, 5, 40, 2**40]),
    "object": st.sampled_from([0, 7, 2**63 - 1]),
    "category": st.integers(-1, 9),
    "phase": st.integers(-1, 1),
}


def numbers_for(name: str) -> SearchStrategy[list[int]]:
    few = st.sampled_from([0, 1, 2, 2**40])
    return st.tuples(*(RANGES.get(number, few) for number in NUMBERS[name])).map(list)


@st.composite
def points(draw: st.DrawFn, threads: int) -> Point:
    return (
        draw(st.integers(1, 2**threads - 1)),
        draw(st.sampled_from([0, 1, 3, 20, 2**64 - 1])),
        draw(st.integers(-1, threads - 1)),
        draw(st.integers(0, len(Why) - 1)),
        draw(st.lists(events, min_size=threads, max_size=threads)),
    )


@pytest.mark.slow
@every_scheduler
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_chooses_ready_threads_and_the_same_again(name: str, data: DataObject) -> None:
    threads = data.draw(st.sampled_from([1, 2, 3, 5]))
    numbers = data.draw(numbers_for(name))
    seed = data.draw(st.integers(0, 2**64 - 1))
    one, other = (Scheduler(name, seed, threads, numbers) for _ in range(2))
    for point in data.draw(st.lists(points(threads), min_size=1, max_size=8)):
        *asked, pending = point
        for thread, event in enumerate(pending):
            one.arrive(thread, *event)
            other.arrive(thread, *event)
        chosen = one.choose(*asked)
        assert point[0] >> chosen & 1
        assert other.choose(*asked) == chosen


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_make_a_difference(name: str) -> None:
    program = [steps(prefix, 6, obj=9) for prefix in "abc"]
    numbers = {"steps": 18} if "steps" in NUMBERS[name] else {}
    made = {tuple(simulate(program, name, seed, **numbers)) for seed in range(50)}
    assert len(made) > 10


LOCKING: Program = [
    [
        Event(f"lock{thread}", 5, Does.LOCK),
        *steps(f"within{thread}-", 2, obj=6),
        Event(f"unlock{thread}", 5, Does.UNLOCK),
        *steps(f"after{thread}-", 2),
    ]
    for thread in range(4)
]
SPINNING: Program = [
    [Event("wait-for-y", does=Does.SPIN, until="y"), Event("x")],
    [Event("wait-for-x", does=Does.SPIN, until="x")],
    [*steps("work", 10), Event("y")],
]
TIGHT = {
    "pct": {"depth": 8, "steps": 30},
    "delayed": {"delays": 8, "steps": 30},
    "surw": {"count0": 3, "count1": 1, "count2": 40},
}


@every_scheduler
@pytest.mark.parametrize("program", [LOCKING, SPINNING], ids=["locks", "spins"])
def test_every_program_comes_to_its_end(name: str, program: Program) -> None:
    for seed in range(200):
        made = simulate(program, name, seed, **TIGHT.get(name, {}))
        assert sorted(made) == sorted(event.name for events in program for event in events)


@every_scheduler
def test_spinning_does_not_cost_much(name: str) -> None:
    # Fairness is the turnstile's: between two spins of a thread all other ready ones go once. So
    # each of the 14 events has room for one spin of each of the two spinning threads.
    for seed in range(200):
        numbers = TIGHT.get(name, {})
        simulation = Simulation(SPINNING, scheduler(name, seed, 3, **numbers))
        simulation.run()
        assert len(simulation.order) <= 3 * 14


@every_scheduler
def test_64_threads(name: str) -> None:
    program = [steps(f"t{thread}-", 2) for thread in range(64)]
    assert len(simulate(program, name, 3)) == 128


def test_registry() -> None:
    assert NAMES == ["first", "walk", "pct", "pos", "surw", "delayed"]
    assert NUMBERS["pct"] == {"depth": 3, "steps": 1000}
    assert NUMBERS["delayed"] == {"delays": 2, "steps": 1000}
    counts = {f"count{thread}": 0 for thread in range(64)}
    selection = {"object": 0, "category": -1, "phase": -1}
    sites = {f"site{number}": 0 for number in range(4)}
    assert NUMBERS["surw"] == counts | selection | sites
    assert list(NUMBERS["surw"])[:64] == list(counts)


def pct(numbers: list[Any]) -> Callable[[], object]:
    return lambda: Scheduler("pct", 1, 2, numbers)


def choice(ready: int = 3, step: int = 0, current: int = -1, why: int = 0) -> Callable[[], object]:
    return lambda: scheduler("walk", 1, 2).choose(ready, step, current, why)


def arrival(*event: object) -> Callable[[], object]:
    return lambda: scheduler("walk", 1, 2).arrive(*cast(Any, event))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: Scheduler("pctt", 1, 2, []),
            "no scheduler 'pctt'; choose from first, walk, pct, pos, surw, delayed",
        ),
        (lambda: Scheduler("walk", -1, 2, []), "seed must be 0 to 18446744073709551615, not -1"),
        (lambda: Scheduler("walk", 2**64, 2, []), "seed must be 0 to 18446744073709551615, not"),
        (lambda: Scheduler("walk", 1, 0, []), "threads must be 1 to 64, not 0"),
        (lambda: Scheduler("walk", 1, 65, []), "threads must be 1 to 64, not 65"),
        (lambda: Scheduler("walk", 1, 2, [1]), "scheduler 'walk' takes 0 numbers, not 1"),
        (pct([3]), "scheduler 'pct' takes 2 numbers, not 1"),
        (pct([0, 9]), "depth of scheduler 'pct' must be 1 to 65, not 0"),
        (pct([66, 9]), "depth of scheduler 'pct' must be 1 to 65, not 66"),
        (pct([3, -(2**70)]), "steps of scheduler 'pct' must be 1 to 1099511627776, not -118"),
        (pct([3, 2**70]), "steps of scheduler 'pct' must be 1 to 1099511627776, not 118"),
        (choice(ready=0), r"ready \(a bit per thread\) must be 1 to 3, not 0"),
        (choice(ready=4), r"ready \(a bit per thread\) must be 1 to 3, not 4"),
        (choice(step=-1), "step must be 0 to"),
        (choice(current=2), "current must be -1 to 1, not 2"),
        (choice(current=-2), "current must be -1 to 1, not -2"),
        (choice(current=2**63), "current must be -1 to 1, not 9223372036854775808"),
        (choice(why=len(Why)), "why must be 0 to 7, not 8"),
        (arrival(2, 1, 2, 3), "thread must be 0 to 1, not 2"),
        (arrival(1, 1, 2, 3, 2), "phase must be 0 to 1, not 2"),
        (arrival(1, 1, 2, 3, 1, 256), "category must be 0 to 255, not 256"),
        (arrival(1, -1, 2, 3), "site must be 0 to"),
        (arrival(1, 1, 2**64, 3), "object must be 0 to"),
        (arrival(0, 1, 2, 2**32), "visit must be 0 to 42"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    "call",
    [
        pct(["3", 9]),
        choice(ready=cast(int, "3")),
        arrival(0, "site", 2, 3),
        arrival(0, 1, 2),
        arrival(0, 1, 2, 3, 0, 0, 0),
        lambda: cast(Any, scheduler("walk", 1, 2)).choose(3, 0, -1),
    ],
)
def test_the_wrong_type_is_a_type_error(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()


def test_the_type_is_closed() -> None:
    assert Scheduler.__module__ == "stressor._shim"
    with pytest.raises(TypeError, match="immutable"):
        type.__setattr__(Scheduler, "choose", None)
    with pytest.raises(TypeError, match="not an acceptable base"):
        type("Derived", (Scheduler,), {})


def test_any_thread_may_choose() -> None:
    shared = scheduler("surw", 1, 2)
    chosen: list[int] = []

    def some() -> None:
        chosen.extend(shared.choose(3, 0, -1, 0) for _ in range(500))

    threads = [threading.Thread(target=some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    alone = scheduler("surw", 1, 2)
    expected = [alone.choose(3, 0, -1, 0) for _ in range(2000)]
    # Each draw was made once: the choices are those of one thread, in some order.
    assert sorted(chosen) == sorted(expected)


def test_numbers_may_be_any_sequence() -> None:
    Scheduler("pct", 1, 2, range(3, 5))
    with pytest.raises(ValueError, match="takes 2 numbers"):
        Scheduler("pct", 1, 2, ())
