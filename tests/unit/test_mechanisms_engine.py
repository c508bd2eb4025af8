"""The engine below the mechanisms: what is found, what is proved, and who is to blame."""

import json
from functools import partial
from typing import ClassVar

import pytest
from attrs import evolve

from stressor.errors import UsageError
from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps
from stressor.mechanisms.buffers import Buffered, Order
from stressor.mechanisms.chance import runs_for, walk_chance
from stressor.mechanisms.choosers import PLAIN_WALK, Follow
from stressor.mechanisms.exhaustive import Exhausted, Search, exhaust
from stressor.mechanisms.exploring import explore
from stressor.mechanisms.registry import maker, named
from stressor.mechanisms.replay import rehearse, replayed
from stressor.mechanisms.required import required
from stressor.mechanisms.running import Crew, Makes, run
from stressor.mechanisms.score import Scored, own_shares, scored, share, table
from stressor.mechanisms.shrink import shrink
from stressor.mechanisms.story import explained, story
from stressor.mechanisms.table import Table
from stressor.model.codec import encode_compact
from tests.unit import faulty_models as models
from tests.unit.faulty_models import Counter


def counter(defect: str = "", **sizes: int) -> Makes:
    return maker(Counter, defect, sizes)


def test_all_states_of_two_threads() -> None:
    # Places of one thread: begin, add, ended. "begin" touches nothing and is taken along; both threads
    # are before or after "add".
    done = exhaust(counter())
    assert (done.states, done.complete, done.finding) == (4, True, None)
    search = Search(Table(counter()), 1000, lambda so_far: None)
    assert search.go() is None
    assert len(search.order) == 9


def test_a_race_is_found_with_the_fewest_steps() -> None:
    finding = exhaust(counter("racy")).finding
    assert finding is not None
    assert finding.broken.key == "L2"
    assert len(finding.steps) == 6
    assert finding.after == {"number": "1", "added": "2"}


def test_a_deadlock_is_found_exactly() -> None:
    finding = exhaust(counter("sleeps")).finding
    assert finding is not None
    assert finding.broken.text == "L1: no thread waits for ever (T2 waits in 'sleep')"
    assert [each.thread for each in finding.waiting] == ["T2"]


def test_a_search_that_is_cut_short_proves_nothing() -> None:
    seen: list[Exhausted] = []
    done = exhaust(counter("racy", threads=4, rounds=3), most=1, progress=seen.append)
    assert not done.complete
    assert done.finding is None
    assert not exhaust(counter(), most=1, progress=seen.append).complete


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (models.YieldsWhileSuspended, "a yield while I1 was suspended"),
        (models.NeverEnds, "no end after 5,000 steps"),
        (models.Raises, r"ZeroDivisionError: .* T1 in 'divide'"),
        (models.UnknownDefect, "asks for defect 'nothing'"),
        (models.StartsBroken, "I1 does not hold before any thread has run"),
        (models.TouchesBeforeYield, "before its first yield"),
        (models.NewField, "made the field 'late'"),
        (models.KeepsList, "a list is kept in the variable 'kept'"),
        (models.LoopsOverGenerator, "a generator is kept in the variable 'numbers'|loop over"),
        (models.NestedList, "the field 'table' holds something that can be changed in place"),
        (models.Nondeterministic, "the same schedule went two ways, at step"),
    ],
)
def test_a_faulty_model_is_no_finding(model: type[Mechanism], says: str) -> None:
    with pytest.raises(FaultyModelError, match=says) as raised:
        exhaust(model)
    assert "faulty" in raised.value.message


def test_a_thread_that_gives_way_lets_others_end() -> None:
    class Spinning(Counter):
        def threads(self) -> dict[str, Steps]:
            return {"T1": self.spinner(), "T2": self.adder(2)}

        def spinner(self) -> Steps:
            while not self.added:
                yield Step("spin", gives_way=True)

    # Follow with an empty schedule is non-preemptive: without giving way it would never end.
    assert run(Spinning(), Follow(())).broken is None


def test_iterators_are_part_of_a_place() -> None:
    class Looping(Counter):
        def adder(self, number: int) -> Steps:
            for each in (1, 1, 1):
                yield "add"
                self.number += each
                self.added += each

    # Four places each; taken for one another, the search would end early or never.
    assert exhaust(Looping).states == 16


def test_steps_that_touch_nothing_are_not_interleaved() -> None:
    class Private(Counter):
        def adder(self, number: int) -> Steps:
            for _ in range(5):
                yield "think"
            yield "add"
            self.number += 1
            self.added += 1

    done = exhaust(Private)
    assert done.complete
    assert done.states < 7 * 7


@pytest.mark.parametrize(("order", "passes"), [(Order.TSO, False), (Order.PSO, True)])
def test_store_orders(order: Order, passes: bool) -> None:
    class MessagePassing(Buffered):
        """Data, then a flag: only PSO lets the flag pass."""

        name, defects = "message-passing", {}

        def setup(self) -> None:
            self.share({"data": 0, "flag": 0}, {"writer": ("data", "flag")})

        def threads(self) -> dict[str, Steps]:
            return {"writer": self.writer(), "reader": self.reader()}

        def writer(self) -> Steps:
            for name in ("data", "flag"):
                yield f"store {name}"
                self.store("writer", name, 1)

        def reader(self) -> Steps:
            yield "load flag"
            if self.load("reader", "flag"):
                yield "load data"
                self.require(self.load("reader", "data") == 1, "I1", "data comes before the flag")

    MessagePassing.order = order
    assert (exhaust(MessagePassing).finding is not None) == passes


def test_own_stores_are_seen_at_once() -> None:
    class StoreBuffering(Buffered):
        """Dekker: both threads may load the old value, even with TSO; never after a fence."""

        name, defects = "store-buffering", {"no-fence": "No fence."}

        def setup(self) -> None:
            self.share({"x": 0, "y": 0}, {"A": ("x",), "B": ("y",)})
            self.seen: dict[str, int] = {}

        def threads(self) -> dict[str, Steps]:
            return {"A": self.one("A", "x", "y"), "B": self.one("B", "y", "x")}

        def one(self, me: str, mine: str, other: str) -> Steps:
            yield "store"
            self.store(me, mine, 1)
            self.require(self.load(me, mine) == 1, "I2", "a thread sees its own store")
            if not self.has("no-fence"):
                yield Step("mfence", until=lambda: self.drained(me))
            yield "load"
            self.seen[me] = self.load(me, other)
            self.require(list(self.seen.values()) != [0, 0], "I1", "one sees the other")

    assert exhaust(StoreBuffering).complete
    finding = exhaust(partial(StoreBuffering, "no-fence")).finding
    assert finding is not None
    assert finding.broken.key == "I1"


def test_the_chance_of_a_walk_is_exact() -> None:
    # Lost when both load before either stores. From both at "load": the first to load needs the
    # other to load before it stores; "begin" steps interleave. The standard deviation of the share
    # of 4,000 walks is below 0.008.
    chance = walk_chance(counter("racy"))
    draw = PLAIN_WALK.begin
    hits = sum(run(counter("racy")(), draw(seed, ())).broken is not None for seed in range(4_000))
    assert abs(hits / 4_000 - chance) < 0.04
    assert walk_chance(counter()) == 0
    assert runs_for(0.5, 2**-10) == 10


def test_random_runs_find_and_confirm() -> None:
    explored = explore(counter("racy"), PLAIN_WALK, 1000, seed=3)
    assert explored.finding is not None
    assert explored.finding == explore(counter("racy"), PLAIN_WALK, 1000, seed=3).finding
    assert explore(counter(), PLAIN_WALK, 50, seed=3).runs == 50


def test_minimizing_takes_threads_and_turns_away() -> None:
    makes = counter("racy", threads=4, rounds=2)
    finding = explore(makes, PLAIN_WALK, 1000, seed=1).finding
    assert finding is not None
    smaller = shrink(finding, lambda sizes: counter("racy", **sizes))
    assert smaller.run.sizes == {"threads": 2, "rounds": 1}
    assert (len(smaller.steps), smaller.run.turns) == (6, 2)


def test_a_story_has_a_column_per_thread() -> None:
    finding = exhaust(counter("racy")).finding
    assert finding is not None
    text = story(finding)
    assert "T1" in text.splitlines()[2]
    assert "broken  L2: at rest the number is what was added" in text
    assert "number  1" in text
    data = json.loads(encode_compact(finding))
    assert data["finding"]["run"]["schedule"] == list(finding.run.schedule)


def test_a_foreign_schedule_is_refused() -> None:
    with pytest.raises(UsageError, match="no thread 'T9'"):
        replayed(counter("racy"), ["T9"])
    with pytest.raises(UsageError, match="went another way"):
        replayed(counter("racy"), ["T1"])


def test_nearest_names() -> None:
    with pytest.raises(UsageError, match="did you mean lk-pymutex"):
        named("lk-pymutx")
    with pytest.raises(UsageError, match="did you mean racy"):
        counter("raci")
    with pytest.raises(UsageError, match="did you mean threads"):
        counter(thread=3)
    assert named("LK-PYMUTEX").name == "lk-pymutex"


def test_a_rehearsal_counts_steps() -> None:
    assert rehearse(counter(rounds=3)) == (6, 6)
    assert Crew(counter()()).names == ("T1", "T2")


def test_explaining_names_everything() -> None:
    text = explained(Counter, {"T1": ["load"]})
    assert "I1  the number is no larger" in text
    assert "racy: Load and store." in text


def test_explaining_names_what_is_required_within_a_step() -> None:
    class Requiring(Counter):
        def adder(self, number: int) -> Steps:
            yield "add"
            self.require(self.number == 0, "I7", f"thread {number} is the first")

    assert required(Requiring) == {"I7": ["thread {number} is the first"]}
    assert "I7  thread {number} is the first (within a step)" in explained(Requiring, {})


def test_score_and_table() -> None:
    rows = [scored(Counter, "racy", PLAIN_WALK, seeds=3, most=200)]
    assert share(rows) == 1
    missed = Scored("counter", "hidden", PLAIN_WALK.name, (None, None, 5))
    assert missed.median is None
    text = table([*rows, missed])
    assert "| counter | hidden | (1 of 3) |" in text
    assert share([*rows, missed]) == 0.5
    # What one strategy misses, the pair's best one may find.
    other = Scored("counter", "hidden", "other", (1, 2, 3))
    assert share([*rows, missed, other]) == 1
    assert own_shares([*rows, missed, other]) == {PLAIN_WALK.name: (1, 2), "other": (1, 1)}


def test_a_strategy_that_does_not_apply_is_told_apart() -> None:
    never = evolve(PLAIN_WALK, name="never", applies=lambda steps: False)
    row = scored(Counter, "racy", never, seeds=2, most=1)
    missed = evolve(row, schedules=(None,))
    assert not row.applies
    assert missed.told == "n/a (0 of 1)"
    assert own_shares([missed]) == {"never": (0, 0)}
    assert own_shares([evolve(row, schedules=(4, 4))]) == {"never": (1, 1)}


def test_seeds_that_cannot_change_the_median_are_not_run() -> None:
    row = scored(Counter, "sleeps", evolve(PLAIN_WALK, name="none"), seeds=4, most=1)
    assert row.schedules == (1, 1, 1, 1)

    class Harmless(Counter):
        defects: ClassVar = {"nothing": "Does nothing."}

        def has(self, defect: str) -> bool:
            return False

    row = scored(Harmless, "nothing", PLAIN_WALK, seeds=5, most=2)
    assert row.schedules == (None, None, None)
    assert row.median is None
