"""Exhaustive searches against brute force: all schedules within the bound, each once, and no others."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stressor.model.evidence import Control, Divergence, Step, Why
from stressor.model.plan import Schedule
from stressor.model.site import Phase
from stressor.schedules.bound import Bound, Unit
from stressor.schedules.search import TRIES, Search
from stressor.schedules.sleep import Pending, exchangeable, pending_of
from tests.unit.fake_turns import Does, Op, Round, Threads, all_rounds, locked, run, touch

type Choices = tuple[int, ...]

MANY = 99

BODIES = st.one_of(
    st.lists(st.integers(1, 2), max_size=3).map(lambda objects: touch(*objects)),
    st.lists(st.integers(1, 2), max_size=1).map(lambda objects: locked(7, *objects)),
    st.just((*touch(1), Op(Does.YIELD), *touch(2))),
)
PROGRAMS = st.one_of(
    st.lists(BODIES, min_size=2, max_size=2),
    st.lists(BODIES.map(lambda b: b[:2]), min_size=3, max_size=3),
).filter(lambda threads: not any(body[-1:] == (Op(Does.LOCK, 7),) for body in threads))
FREE = st.lists(
    st.lists(st.integers(1, 3), max_size=2).map(lambda objects: touch(*objects)),
    min_size=2,
    max_size=3,
)
BOUNDS = st.builds(Bound, st.sampled_from(Unit), st.integers(0, 2))


def choices(steps: Sequence[Step]) -> Choices:
    return tuple(step.to for step in steps)


def searched(
    threads: Threads, search: Search, spoil: Callable[[Control], Control] = lambda control: control
) -> list[Round]:
    rounds = []
    while (schedule := search.next()) is not None:
        control, made = run(threads, schedule)
        assert control.divergence is None
        search.learn(spoil(control))
        rounds.append(made)
    return rounds


def price(bound: Bound, made: Round) -> int:
    return sum(bound.cost(step, step.to) for step in made.steps)


type Layers = list[list[tuple[int, int, Pending | None]]]


def order(made: Round) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The normal form of a round's Mazurkiewicz trace: what each step had to come after, in layers.

    Foata's: each step goes into the first layer behind all that it depends on.
    """
    pending: dict[int, Pending | None] = {}
    layers: Layers = []
    counts: Counter[int] = Counter()
    for step in made.steps:
        pending[step.thread] = pending_of(step)
        does = pending.get(step.to)
        level = 0
        for number, layer in enumerate(layers):
            if any(t == step.to or not exchangeable(p, does) for t, _, p in layer):
                level = number + 1
        if level == len(layers):
            layers.append([])
        layers[level].append((step.to, counts[step.to], does))
        counts[step.to] += 1
    return tuple(tuple(sorted((t, n) for t, n, _ in layer)) for layer in layers)


@settings(max_examples=25, deadline=None)
@given(PROGRAMS, BOUNDS)
def test_all_schedules_within_the_bound_each_once(threads: Threads, bound: Bound) -> None:
    search = Search(bound)

    found = Counter(choices(made.steps) for made in searched(threads, search))

    wanted = [made for made in all_rounds(threads) if price(bound, made) <= bound.most]
    assert found == Counter(choices(made.steps) for made in wanted)
    assert search.exhausted
    assert search.finished == bound.most
    assert search.tried == Counter(price(bound, made) for made in wanted)


@settings(max_examples=15, deadline=None)
@given(PROGRAMS, st.sampled_from(Unit))
def test_cheaper_schedules_come_first(threads: Threads, unit: Unit) -> None:
    bound = Bound(unit, 2)

    prices = [price(bound, made) for made in searched(threads, Search(bound))]

    assert prices == sorted(prices)


@settings(max_examples=25, deadline=None)
@given(FREE)
def test_sleep_sets_without_a_bound_lose_no_order(threads: Threads) -> None:
    search = Search(Bound(Unit.DELAYS, MANY), sleeps=True)

    found = searched(threads, search)

    everything = all_rounds(threads)
    assert {order(made) for made in found} == {order(made) for made in everything}
    assert len(found) <= len(everything)
    assert search.exhausted


@settings(max_examples=25, deadline=None)
@given(PROGRAMS, BOUNDS)
def test_sleep_sets_try_nothing_beyond_the_bound_and_nothing_twice(
    threads: Threads, bound: Bound
) -> None:
    found = [choices(made.steps) for made in searched(threads, Search(bound, sleeps=True))]

    within = {choices(m.steps) for m in all_rounds(threads) if price(bound, m) <= bound.most}
    assert len(set(found)) == len(found)
    assert set(found) <= within


def test_sleep_sets_under_a_bound_may_lose_an_order() -> None:
    # Why sleep sets are asked for, and why no claim is made without this reservation (Coons,
    # Musuvathi, McKinley, OOPSLA 2013): the order that stands for others may cost too much.
    threads = [touch(3, 1), touch(1), touch(3)]
    bound = Bound(Unit.PREEMPTIONS, 3)

    everything = {order(made) for made in searched(threads, Search(bound))}
    found = {order(made) for made in searched(threads, Search(bound, sleeps=True))}

    assert found < everything


def test_sleep_sets_leave_out_much_of_what_is_unrelated() -> None:
    threads = [touch(1, 1), touch(2, 2), touch(3)]
    bound = Bound(Unit.DELAYS, MANY)

    assert 2 * len(searched(threads, Search(bound, sleeps=True))) < len(all_rounds(threads))


THREADS = [touch(1, 1), touch(1)]
TWO = Bound(Unit.PREEMPTIONS, 2)


def test_search_that_is_cut_short_says_what_it_has_finished() -> None:
    search = Search(TWO)
    finished = []

    while (schedule := search.next()) is not None:
        search.learn(run(THREADS, schedule)[0])
        finished.append(search.finished)

    # All that costs nothing comes first: who begins, and who goes on when one has ended.
    assert finished == sorted(finished)
    assert finished[0] == -1
    assert {0, 1} <= set(finished)
    assert finished[-1] == 2


def astray(control: Control) -> Control:
    return evolve(control, divergence=Divergence(0, "this", "that"))


def elsewhere(control: Control) -> Control:
    return evolve(control, steps=(evolve(control.steps[0], ready=(0,)), *control.steps[1:]))


@pytest.mark.parametrize("spoil", [astray, elsewhere, lambda control: None])
def test_run_that_goes_another_way_is_repeated(
    spoil: Callable[[Control], Control | None],
) -> None:
    search, planned = Search(TWO), Search(TWO)
    wanted = {choices(made.steps) for made in searched(THREADS, planned)}
    seen = set()
    number = 0

    while (schedule := search.next()) is not None:
        control, made = run(THREADS, schedule)
        number += 1
        if number % 2 and schedule.switches:
            search.learn(spoil(control))
        else:
            search.learn(control)
            seen.add(choices(made.steps))

    assert seen == wanted
    assert search.exhausted


def test_schedule_that_never_goes_as_planned_is_lost_and_said() -> None:
    search = Search(TWO)
    runs = 0

    while (schedule := search.next()) is not None:
        control = run(THREADS, schedule)[0]
        search.learn(astray(control) if len(schedule.switches) == 1 else control)
        runs += len(schedule.switches) == 1

    assert search.lost > 0
    assert runs == TRIES * search.lost
    assert not search.exhausted
    assert search.finished == -1
    assert search.reasons == (f"{search.lost} did not go as planned in {TRIES} runs",)


def revoked(control: Control) -> Control:
    return evolve(control, revoked=1)


def too_long(control: Control) -> Control:
    return evolve(control, count=99)


@pytest.mark.parametrize(
    ("spoil", "reason"), [(revoked, "not modelled"), (too_long, "more choices")]
)
def test_search_claims_nothing_that_it_cannot_know(
    spoil: Callable[[Control], Control], reason: str
) -> None:
    search = Search(TWO)

    searched(THREADS, search, spoil)

    assert not search.exhausted
    [said] = search.reasons
    assert reason in said


def test_first_runs_that_show_nothing_end_the_search_without_a_claim() -> None:
    search = Search(TWO)

    for _ in range(TRIES):
        assert search.next() == Schedule()
        search.learn(Control())

    assert search.next() is None
    assert not search.exhausted


def test_what_is_not_learnt_from_is_lost() -> None:
    search = Search(TWO)

    assert [search.next() for _ in range(TRIES + 1)] == [Schedule()] * TRIES + [None]
    assert search.lost == 1


def test_base_is_in_every_schedule() -> None:
    search = Search(TWO, Schedule(hooks=True))

    while (schedule := search.next()) is not None:
        assert schedule.hooks
        search.learn(run(THREADS, schedule)[0])


def step(thread: int, ready: tuple[int, ...], why: Why = Why.VISIT) -> Step:
    return Step(thread, "call:m:f+0x1", 1, Phase.BEFORE, ready[0], why, ready)


@pytest.mark.parametrize(
    ("at", "prices"),
    [
        (step(1, (0, 1, 2)), {1: (0, 0), 2: (1, 1), 0: (1, 2)}),
        (step(1, (0, 2), Why.BLOCKED), {2: (0, 0), 0: (0, 1)}),
        (step(1, (0, 2), Why.ENDED), {2: (0, 0), 0: (0, 1)}),
        (step(1, (0, 1, 2), Why.YIELD), {2: (0, 0), 0: (0, 1), 1: (0, 2)}),
        (step(-1, (0, 1), Why.BEGIN), {0: (0, 0), 1: (0, 1)}),
    ],
)
def test_prices(at: Step, prices: dict[int, tuple[int, int]]) -> None:
    for to, (preemptions, delays) in prices.items():
        assert Bound(Unit.PREEMPTIONS, 9).cost(at, to) == preemptions
        assert Bound(Unit.DELAYS, 9).cost(at, to) == delays


def test_bounds_as_text() -> None:
    assert str(Bound(Unit.PREEMPTIONS, 2)) == "at most 2 preemptions"
    assert str(Bound(Unit.DELAYS, 1)) == "at most 1 delay"
    assert str(Bound(Unit.DELAYS, 0)) == "no delays"
