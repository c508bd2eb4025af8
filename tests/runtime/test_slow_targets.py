"""What is slow, or waits for something that will come, is no hang."""

from pathlib import Path

import pytest

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.model.outcome import FailureKind, Outcome, Verdict
from stressor.model.plan import Call, Limits, Plan

SLOW_CHECK = """
import time

def SETUP():
    return []

def go(state):
    state.append(1)

OPS = {"go": go}

def CHECK(state):
    end = time.process_time() + 2.0
    while time.process_time() < end:
        pass
"""

# The rehearsal runs in the main thread, so it cannot learn of the wait.
BOUNDED_WAIT = """
import threading, time

def SETUP():
    return None

def go(state):
    if threading.current_thread() is not threading.main_thread():
        time.sleep(1.6)

OPS = {"go": go}
"""

ENDLESS_WAIT = BOUNDED_WAIT.replace("time.sleep(1.6)", "threading.Lock().acquire(); LOCK.acquire()")
ENDLESS_WAIT += "\nLOCK = threading.Lock()\nLOCK.acquire()\n"


def outcome(target: Path, text: str, seconds: float) -> Outcome:
    target.write_text(text)
    program = ((Call("go"),), (Call("go"),))
    scratch = Scratch()
    try:
        with Hosts(scratch) as hosts:
            plan = Plan(str(target), program, seed=1, limits=Limits(seconds=seconds))
            return hosts.carry_out(plan).outcome
    finally:
        scratch.close()


@pytest.mark.native
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param(SLOW_CHECK, 0.2, id="a check that computes longer than the limit"),
        pytest.param(BOUNDED_WAIT, 0.5, id="a wait that ends by itself"),
    ],
)
def test_what_is_slow_is_no_hang(tmp_path: Path, text: str, seconds: float) -> None:
    assert outcome(tmp_path / "slow.py", text, seconds).verdict is Verdict.PASSED


@pytest.mark.native
@pytest.mark.slow
def test_what_waits_for_ever_is_one(tmp_path: Path) -> None:
    signature = outcome(tmp_path / "stuck.py", ENDLESS_WAIT, 0.5).signature
    assert signature is not None
    assert signature.kind is FailureKind.HANG
