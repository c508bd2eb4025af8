"""Models that spin: what has no end is found by the search, and what is only slow is not."""

import random
from functools import partial
from typing import ClassVar

import pytest

from stressor.mechanisms.base import FaultyModelError, Mechanism, Status, Step, Steps
from stressor.mechanisms.chance import walk_chance
from stressor.mechanisms.choosers import PLAIN_WALK
from stressor.mechanisms.endless import without_end
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.exploring import explore
from stressor.mechanisms.replay import replayed
from stressor.mechanisms.running import run
from stressor.mechanisms.shrink import shrink


class SpinLock(Mechanism):
    """Threads spin for a lock."""

    name = "spin-lock"
    title = "A lock that is spun for"
    status = Status.MODEL
    sources = ("this test",)
    sizes: ClassVar = {"threads": 2}
    defects: ClassVar = {
        "keeps": "The first thread does not give the lock back.",
        "rude": "The same, and the loop does not give way.",
        "loses": "Load and store instead of a swap.",
    }

    def setup(self) -> None:
        self.locked = False
        self.inside = 0

    def threads(self) -> dict[str, Steps]:
        return {f"T{n}": self.locker(n) for n in range(1, self.numbers["threads"] + 1)}

    def locker(self, number: int) -> Steps:
        while True:
            yield "spin" if self.has("rude") else Step("spin", gives_way=True)
            if not self.locked:
                break
        if self.has("loses"):
            yield "store"
        self.locked = True
        self.inside += 1
        self.require(self.inside == 1, "I1", "one thread has the lock")
        yield "unlock"
        self.inside -= 1
        self.locked = number == 1 and (self.has("keeps") or self.has("rude"))


def test_a_spinning_loop_that_comes_to_an_end_is_proved() -> None:
    done = exhaust(SpinLock)
    assert (done.finding, done.complete) == (None, True)


def test_a_loop_that_nobody_ends_is_found_with_its_round() -> None:
    makes = partial(SpinLock, "keeps", threads=3)
    finding = exhaust(makes).finding
    assert finding is not None
    assert finding.broken.key == "L1"
    assert "no schedule ends any more: " in finding.broken.detail
    assert "in 'spin'" in finding.broken.detail
    assert finding.after["locked"] == "True"
    assert replayed(makes, finding.run.schedule) == finding
    smaller = shrink(finding, lambda sizes: partial(SpinLock, "keeps", **sizes))
    assert smaller.run.cost <= finding.run.cost
    assert smaller.run.sizes == {"threads": 2}
    assert smaller.broken.detail == "no schedule ends any more: T2 in 'spin'"


def test_a_loop_without_end_that_does_not_give_way_is_a_fault() -> None:
    with pytest.raises(
        FaultyModelError, match=r"no end after .* or, where it has to spin, to give way"
    ):
        exhaust(partial(SpinLock, "rude"))


def test_random_runs_cannot_tell_and_say_so() -> None:
    with pytest.raises(FaultyModelError, match="a search of all states tells"):
        explore(partial(SpinLock, "keeps"), PLAIN_WALK, 100, seed=1)


def test_the_search_takes_schedules_that_nobody_with_manners_would() -> None:
    # The way to it may let a thread spin again before the other has gone on; it replays all the same.
    finding = exhaust(partial(SpinLock, "loses", threads=3)).finding
    assert finding is not None
    assert finding.broken.key == "I1"


def test_the_chance_knows_who_gives_way() -> None:
    # The standard deviation of the share of 4,000 walks is below 0.008.
    makes = partial(SpinLock, "loses")
    hits = sum(run(makes(), PLAIN_WALK.begin(seed, ())).broken is not None for seed in range(4_000))
    assert abs(hits / 4_000 - walk_chance(makes)) < 0.04


def test_without_end_agrees_with_searching_from_each_state() -> None:
    draw = random.Random(5)
    for _ in range(300):
        count = draw.randrange(1, 12)
        after = [draw.choices(range(count + 1), k=draw.randrange(3)) for _ in range(count)]
        ahead = [max(to, default=-1) for to in after]
        assert without_end(ahead, after.__getitem__) == [
            number for number in range(count) if not _ends(number, after)
        ]


def _ends(number: int, after: list[list[int]]) -> bool:
    """Whether a state that nothing follows, or one beyond the list, can be reached."""
    seen, left = {number}, [number]
    while left:
        at = left.pop()
        if at >= len(after) or not after[at]:
            return True
        left += set(after[at]) - seen
        seen.update(after[at])
    return False
