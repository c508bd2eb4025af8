"""The native schedulers on models: the same choices whether a model is run or its steps looked up."""

from functools import partial

import pytest

from stressor._shim import Scheduler, schedulers
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.choosers import Strategy
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.mechanisms.native import native_strategies
from stressor.mechanisms.reclaim.qsbr import Qsbr
from stressor.mechanisms.refcount.plain import PlainCounting
from stressor.mechanisms.registry import maker
from stressor.mechanisms.replay import rehearse
from stressor.mechanisms.running import run
from stressor.mechanisms.walking import Walking

pytestmark = pytest.mark.native

STRATEGIES = native_strategies(schedulers(), Scheduler)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)
@pytest.mark.parametrize("mechanism", [PyMutex, Qsbr, PlainCounting])
def test_known_steps_make_the_same_runs(mechanism: type[Mechanism], strategy: Strategy) -> None:
    makes = maker(mechanism)
    known, lengths = Walking(makes), rehearse(makes)
    for seed in range(40):
        begin = partial(strategy.begin, seed, lengths)
        assert known.run(begin()) == run(makes(), begin())
