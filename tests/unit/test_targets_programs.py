"""Programs: deterministic, within bounds, and of more shapes than uniform draws give."""

from collections import Counter

import pytest

from stressor.targets.harness import OperationInfo
from stressor.targets.programs import ENTROPY_SIZES, Program, generate

READ = OperationInfo("read", has_arguments=True, weight=3)
WRITE = OperationInfo("write", has_arguments=True)
CLEAR = OperationInfo("clear")
ALL = (READ, WRITE, CLEAR)
MANY = 400


def names(program: Program) -> list[set[str]]:
    return [{call.op for call in calls} for calls in program]


def test_same_seed_gives_the_same_program() -> None:
    assert generate(ALL, 3, 4, seed=7) == generate(ALL, 3, 4, seed=7)


def test_seeds_give_different_programs() -> None:
    assert len({generate(ALL, 2, 4, seed) for seed in range(MANY)}) > MANY * 0.9


@pytest.mark.parametrize(("threads", "calls"), [(1, 1), (2, 2), (4, 30)])
def test_program_has_the_size_that_was_asked_for(threads: int, calls: int) -> None:
    for seed in range(50):
        program = generate(ALL, threads, calls, seed)
        assert [len(each) for each in program] == [calls] * threads


def test_entropy_is_hexadecimal_of_a_known_size_and_only_where_needed() -> None:
    for seed in range(50):
        for call in (call for calls in generate(ALL, 2, 5, seed) for call in calls):
            if call.op == "clear":
                assert call.entropy == ""
            else:
                assert len(bytes.fromhex(call.entropy)) in ENTROPY_SIZES


def test_shapes_that_find_races_are_common() -> None:
    seen: Counter[str] = Counter()
    for seed in range(MANY):
        program = generate(ALL, 4, 3, seed)
        sets = names(program)
        if len(set(program)) == 1:
            seen["in step"] += 1
        if len(set.union(*sets)) == 1:
            seen["same"] += 1
        elif all(len(each) == 1 for each in sets):
            counts = sorted(Counter(min(each) for each in sets).values())
            if counts == [1, 3]:
                seen["one against all"] += 1
            if counts == [2, 2]:
                seen["pair"] += 1
        if len(set.union(*sets)) == 3:
            seen["all operations"] += 1
    # Each shape is drawn once in seven, some degenerate into another: 5 % is far below the least.
    assert all(count > MANY * 0.05 for count in seen.values()), seen
    assert len(seen) == 5, seen


def test_threads_often_speak_of_the_same_thing() -> None:
    def share(program: Program) -> bool:
        sets = [{call.entropy for call in calls if call.entropy} for calls in program]
        return bool(set.intersection(*sets))

    together = sum(share(generate((READ, WRITE), 2, 2, seed)) for seed in range(MANY))
    assert MANY * 0.3 < together < MANY * 0.95


def test_weight_counts() -> None:
    heavy = OperationInfo("heavy", weight=9)
    light = OperationInfo("light", weight=1)
    drawn = Counter(
        call.op
        for seed in range(MANY)
        for calls in generate((heavy, light), 2, 2, seed)
        for call in calls
    )
    assert drawn["heavy"] > 3 * drawn["light"] > 0


@pytest.mark.parametrize(("operations", "threads", "calls"), [((), 2, 2), (ALL, 0, 2), (ALL, 2, 0)])
def test_impossible_programs_are_refused(
    operations: tuple[OperationInfo, ...], threads: int, calls: int
) -> None:
    with pytest.raises(ValueError, match="no program of"):
        generate(operations, threads, calls, seed=1)
