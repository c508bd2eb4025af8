"""What makes exploring quick changes nothing: known steps in random runs, fewer states in a search."""

from functools import partial

import pytest

from stressor.mechanisms import walking
from stressor.mechanisms.base import Mechanism, Step, Steps
from stressor.mechanisms.choosers import PLAIN_WALK, Follow
from stressor.mechanisms.exhaustive import Search
from stressor.mechanisms.exploring import explore, runner
from stressor.mechanisms.finding import Broken
from stressor.mechanisms.reduction import Reduced
from stressor.mechanisms.registry import MECHANISMS, maker
from stressor.mechanisms.running import Makes, run
from stressor.mechanisms.stepping import paused_collector
from stressor.mechanisms.table import Table
from stressor.mechanisms.walking import TooManyError, Walking
from tests.unit.faulty_models import Counter
from tests.unit.test_mechanisms_endless import SpinLock

every_version = pytest.mark.parametrize(
    ("mechanism", "defect"),
    [pytest.param(m, d, id=f"{m.name}-{d}") for m in MECHANISMS for d in ("", *m.defects)],
)


def searched(table: Table) -> tuple[Broken | None, Search]:
    search = Search(table, 300_000, lambda so_far: None)
    with paused_collector():
        return search.go(), search


@pytest.mark.slow
@every_version
def test_the_reduction_loses_no_defect(mechanism: type[Mechanism], defect: str) -> None:
    makes = maker(mechanism, defect)
    broken, reduced = searched(Reduced(makes))
    found, full = searched(Table(makes))
    assert (broken is None) == (found is None) == (not defect)
    if broken is None:
        assert len(reduced.order) <= len(full.order)
        return
    for search in (reduced, full):
        assert run(makes(), Follow(search.way())).broken is not None


@every_version
def test_known_steps_make_the_same_runs(mechanism: type[Mechanism], defect: str) -> None:
    makes = maker(mechanism, defect)
    known = Walking(makes)
    for seed in range(10):
        begin = partial(PLAIN_WALK.begin, seed, ())
        assert known.run(begin()) == run(makes(), begin())


@pytest.mark.parametrize("makes", [SpinLock, partial(SpinLock, "loses", threads=3)])
def test_and_where_threads_give_way(makes: Makes) -> None:
    known = Walking(makes)
    for seed in range(200):
        begin = partial(PLAIN_WALK.begin, seed, ())
        assert known.run(begin()) == run(makes(), begin())


def test_a_model_with_too_many_states_is_run_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    makes = maker(Counter, "racy", {"threads": 3})
    expected = explore(makes, PLAIN_WALK, 100, seed=4)
    monkeypatch.setattr(walking, "MOST_KNOWN", 5)
    with pytest.raises(TooManyError):
        Walking(makes).run(PLAIN_WALK.begin(1, ()))
    one = runner(makes)
    for seed in range(3):
        begin = partial(PLAIN_WALK.begin, seed, ())
        assert one(begin) == run(makes(), begin())
    assert explore(makes, PLAIN_WALK, 100, seed=4) == expected


class Private(Counter):
    """A thread that thinks for ever round by round, unseen, unless the other one has added."""

    def threads(self) -> dict[str, Steps]:
        return {"T1": self.adder(1), "T2": self.thinker()}

    def thinker(self) -> Steps:
        for _ in range(3):
            yield "think"
        yield Step("wait", until=lambda: self.added)


def test_a_change_says_how_many_steps_it_stands_for() -> None:
    table = Reduced(Private)
    assert table.prologue == [0, 1, 1, 1]
    change = table.change(0, table.begin)
    assert isinstance(change, int)
    assert table.steps(0, table.begin) == 1
    assert len(searched(Table(Private))[1].order) > len(searched(table)[1].order) == 3
