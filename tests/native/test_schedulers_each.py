"""What each scheduler is for, on simulated programs with fixed seeds: nothing here can flake."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest

from stressor.model.evidence import Why
from tests.native.simulated import (
    WHY,
    Does,
    Event,
    Program,
    Simulation,
    scheduler,
    simulate,
    steps,
)

pytestmark = [pytest.mark.native, pytest.mark.slow]

THREE: Program = [steps("a", 3), steps("b", 3), steps("c", 3)]


def names(program: Program) -> list[list[str]]:
    return [[event.name for event in events] for events in program]


def together(*parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part)


def frequencies(program: Program, name: str, count: int, **numbers: int) -> Counter[str]:
    """How often the threads' events came in each order, as "aabab", private events left out."""
    return Counter(
        "".join(event[0] for event in simulate(program, name, seed, **numbers) if event[0] != "-")
        for seed in range(count)
    )


def chi_square(found: Counter[str], kinds: int) -> float:
    """Against the uniform distribution over `kinds` outcomes."""
    expected = found.total() / kinds
    missing = (kinds - len(found)) * expected
    return sum((each - expected) ** 2 / expected for each in found.values()) + missing


def preemptions(simulation: Simulation) -> int:
    """Switches away from a thread that had events left."""
    simulation.run()
    left = Counter(simulation.order)
    count = 0
    for one, other in pairwise(simulation.order):
        left[one] -= 1
        count += one != other and left[one] > 0
    return count


def test_first_goes_on_while_it_can() -> None:
    a, b, c = names(THREE)
    assert tuple(simulate(THREE, "first", 1)) == together(a, b, c)


def test_first_goes_round_after_blocking_and_yielding() -> None:
    program: Program = [
        [Event("a-spin", does=Does.SPIN, until="b-lock"), Event("a-lock", 5, Does.LOCK)],
        [
            Event("b-lock", 5, Does.LOCK),
            Event("b-spin", does=Does.SPIN, until="c"),
            Event("b-unlock", 5, Does.UNLOCK),
        ],
        [Event("c")],
    ]
    order = ["b-lock", "c", "a-spin", "b-spin", "b-unlock", "a-lock"]
    assert simulate(program, "first", 1) == order


def test_walk_is_uniform_over_choices() -> None:
    chooser = scheduler("walk", 7, 5)
    found = Counter(str(chooser.choose(0b10110, 0, -1, 0)) for _ in range(3000))
    assert set(found) == {"1", "2", "4"}
    assert chi_square(found, 3) < 14  # 2 degrees of freedom: exceeded once in 1,100 seeds


def test_pct_of_depth_one_only_orders_the_threads() -> None:
    whole = {together(*order) for order in permutations(names(THREE))}
    found = Counter(tuple(simulate(THREE, "pct", seed, depth=1, steps=9)) for seed in range(600))
    assert set(found) == whole
    # 6 outcomes, 5 degrees of freedom: 20.5 is exceeded once in 1,000 seeds.
    assert chi_square(Counter({str(key): count for key, count in found.items()}), 6) < 20.5


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_pct_preempts_less_often_than_its_depth(depth: int) -> None:
    counts = Counter(
        preemptions(Simulation(THREE, scheduler("pct", seed, 3, depth=depth, steps=9)))
        for seed in range(600)
    )
    assert max(counts) == depth - 1


def test_pct_changes_come_at_every_step() -> None:
    # One change in eight steps of the thread that starts: after the k-th of them the other one runs.
    program = [steps("a", 8), steps("b", 8)]
    switches: Counter[int] = Counter()
    for seed in range(1000):
        made = simulate(program, "pct", seed, depth=2, steps=16)
        first = made[0][0]
        switches[next((at for at, name in enumerate(made) if name[0] != first), 0)] += 1
    assert set(switches) == set(range(1, 9))
    # After the last of them no change is needed, so that one gets the 9 of 16 that come later.
    assert min(switches.values()) > 30
    assert 480 < switches[8] < 640


def test_pct_counts_steps_from_one() -> None:
    # With one step to draw from, the change comes when the first thread has made one event.
    program = [steps("a", 3), steps("b", 3)]
    found = frequencies(program, "pct", 50, depth=2, steps=1)
    assert set(found) == {"abbbaa", "baaabb"}


def test_pct_lets_others_go_after_a_yield() -> None:
    # Also with three threads that would all like to go first: c is the one that both wait for.
    program: Program = [
        [Event("a-spin", does=Does.SPIN, until="c5"), Event("a0")],
        [Event("b-spin", does=Does.SPIN, until="c5"), Event("b0")],
        steps("c", 6),
    ]
    for seed in range(100):
        simulation = Simulation(program, scheduler("pct", seed, 3, depth=1, steps=20))
        simulation.run()
        # Each spinning thread falls below c at its first yield, and stays there.
        assert len(simulation.order) <= 10 + 2


def late(racing: bool, count: int) -> int:
    """In how many runs one event of thread b comes after all four of thread a."""
    program = [steps("a", 4, obj=1), [Event("b0", 1 if racing else 2)]]
    return frequencies(program, "pos", count)["aaaab"]


def test_pos_keeps_the_priority_of_an_event_that_races_with_none() -> None:
    # b0 comes last when its one draw is the lowest of five: 1 in 5, 800 +- 25 of 4000.
    assert 675 < late(racing=False, count=4000) < 925


def test_pos_draws_anew_for_an_event_that_raced() -> None:
    # b0 is drawn anew after each event of a, which also has a new draw: (1/2)**4, 250 +- 15 of 4000.
    assert 175 < late(racing=True, count=4000) < 325


def test_pos_draws_only_when_an_event_was_made_or_a_thread_yields() -> None:
    chooser = scheduler("pos", 1, 4)
    for thread in range(4):
        chooser.arrive(thread, thread + 1, 7, 1)
    chooser.choose(15, 0, -1, WHY[Why.BEGIN])
    again = {chooser.choose(15, 1, 0, WHY[why]) for why in (Why.BLOCKED, Why.WOKEN) * 50}
    assert len(again) == 1
    yields = {chooser.choose(15, 1, at % 4, WHY[Why.YIELD]) for at in range(100)}
    assert yields == {0, 1, 2, 3}


TWO_BY_THREE: Program = [steps("a", 3, obj=1), steps("b", 2, obj=1)]
TEN = 10  # orders of three and two events
CHI_TEN = 28.0  # 9 degrees of freedom: exceeded once in 1,000 seeds


def test_surw_is_uniform_over_orders_and_the_walk_is_not() -> None:
    assert chi_square(frequencies(TWO_BY_THREE, "surw", 2000, count0=3, count1=2), TEN) < CHI_TEN
    # The walk: aaabb has 1/8 and bbaaa 1/4, so 2000 runs give about 300.
    assert chi_square(frequencies(TWO_BY_THREE, "walk", 2000), TEN) > 200


def mixed(site: int = 4, category: int = 0) -> Program:
    """Three and two marked events among many that are not."""

    def marked(name: str) -> Event:
        return Event(name, 4, site=site, category=category)

    def idle(name: str, count: int) -> list[Event]:
        return [Event(f"-{name}{number}", 3, site=3, phase=1) for number in range(count)]

    return [
        [*idle("p", 9), marked("a0"), marked("a1"), *idle("q", 5), marked("a2")],
        [marked("b0"), *idle("r", 2), marked("b1"), *idle("s", 1)],
    ]


@pytest.mark.parametrize(
    ("program", "selection"),
    [
        (mixed(), {"object": 4}),
        (mixed(), {"site2": 4}),
        (mixed(site=(7 << 52) + 4), {"site0": 9, "site1": 4}),  # the low 52 bits count
        (mixed(), {"phase": 0}),
        (mixed(category=6), {"category": 6}),
        (mixed(category=6), {"category": 6, "object": 4, "phase": 0, "site3": 4}),
    ],
    ids=["object", "site", "sites", "phase", "category", "all"],
)
def test_surw_selects(program: Program, selection: dict[str, int]) -> None:
    found = frequencies(program, "surw", 2000, count0=3, count1=2, **selection)
    assert chi_square(found, TEN) < CHI_TEN


def test_surw_reaches_every_order_of_the_other_events() -> None:
    # Holding back must not order what is not selected: -r0 and -p0 come either way round.
    firsts = {
        next(name for name in made if name in {"-r0", "-p8"})
        for made in (
            simulate(mixed(), "surw", seed, count0=3, count1=2, object=4) for seed in range(200)
        )
    }
    assert firsts == {"-r0", "-p8"}


@pytest.mark.parametrize("given", [{}, {"count0": 1, "count1": 1, "object": 99}], ids=str)
def test_surw_without_interesting_events_is_the_walk(given: dict[str, int]) -> None:
    for seed in range(50):
        walk = simulate(TWO_BY_THREE, "walk", seed)
        assert simulate(TWO_BY_THREE, "surw", seed, **given) == walk


@pytest.mark.parametrize(
    "counts", [(1, 1), (30, 20), (0, 2), (3, 0), (0, 1)], ids=lambda counts: f"{counts}"
)
def test_surw_survives_wrong_counts(counts: tuple[int, int]) -> None:
    found = frequencies(TWO_BY_THREE, "surw", 3000, count0=counts[0], count1=counts[1])
    assert len(found) == TEN


def test_surw_with_the_intended_thread_gone() -> None:
    # c has one event and is said to have many: it is meant nearly always, also when it has ended.
    program: Program = [*TWO_BY_THREE, [Event("-c", 1)]]
    found = frequencies(program, "surw", 2000, count0=3, count1=2, count2=1000)
    assert chi_square(found, TEN) < CHI_TEN


def test_surw_with_the_intended_thread_waiting() -> None:
    # The one with nearly all of the weight waits for a lock that the other one holds at an event
    # where it would be held back: somebody has to go first.
    program: Program = [
        [Event("-l0", 5, Does.LOCK), *steps("a", 2, obj=1), Event("-u0", 5, Does.UNLOCK)],
        [Event("-l1", 5, Does.LOCK), *steps("b", 8, obj=1), Event("-u1", 5, Does.UNLOCK)],
    ]
    found = frequencies(program, "surw", 300, count0=2, count1=8, object=1)
    assert set(found) == {"aabbbbbbbb", "bbbbbbbbaa"}


def test_delayed_without_delays_is_first() -> None:
    assert simulate(THREE, "delayed", 5, delays=0, steps=9) == simulate(THREE, "first", 5)


@pytest.mark.parametrize("delays", [1, 2, 4])
def test_delayed_leaves_the_order_no_more_often_than_it_may(delays: int) -> None:
    counts = Counter(
        preemptions(Simulation(THREE, scheduler("delayed", seed, 3, delays=delays, steps=9)))
        for seed in range(600)
    )
    assert max(counts) == delays


def test_delayed_delays_at_every_step() -> None:
    program = [steps("a", 4), steps("b", 4)]
    found = frequencies(program, "delayed", 800, delays=1, steps=8)
    # One delay at one of eight steps; those of b alone, and when nobody else is left, change nothing.
    early = {"bbbbaaaa", "abbbbaaa", "aabbbbaa", "aaabbbba"}
    assert set(found) == early | {"aaaabbbb"}
    assert all(60 < found[order] < 140 for order in early)  # 100 +- 9.4 each
