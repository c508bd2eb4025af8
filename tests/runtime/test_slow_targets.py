"""What is slow in one thread is no hang in several."""

from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.model.outcome import Verdict
from stressor.model.plan import Call, Limits, Plan

SLOW_CHECK = """
import time

def SETUP():
    return []

def add(state):
    state.append(1)

OPS = {"add": add}

def CHECK(state):
    end = time.process_time() + 2.0
    while time.process_time() < end:
        pass
"""


@pytest.mark.native
@pytest.mark.slow
def test_a_check_that_computes_longer_than_the_limit_is_no_hang(tmp_path: Path) -> None:
    target = tmp_path / "slow.py"
    target.write_text(SLOW_CHECK)
    plan = Plan(str(target), ((Call("add"),), (Call("add"),)), seed=1)
    scratch = Scratch()
    try:
        with Hosts(scratch) as hosts:
            trial = hosts.carry_out(evolve(plan, limits=Limits(seconds=0.2)))
    finally:
        scratch.close()
    assert trial.outcome.verdict is Verdict.PASSED, trial.outcome
