"""Hosts as their users see them: plans in, evidence out, and nothing left however they end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stressor.campaign import watch
from stressor.campaign.host import Host
from stressor.campaign.hosts import WARM, Hosts
from stressor.campaign.scratch import Scratch, remove_abandoned
from stressor.errors import NotTestedError
from stressor.model.codec import decode
from stressor.model.evidence import End
from stressor.model.outcome import Verdict
from stressor.model.plan import Allocator, Call, Limits, Plan

pytestmark = [pytest.mark.native, pytest.mark.slow]

SOURCE = """
import os, threading, time
MAIN = threading.get_ident()
def SETUP(): return None
def calm(state): pass
def wait(state):
    if threading.get_ident() != MAIN: time.sleep(600)
OPS = {"calm": calm, "wait": wait}
"""


@pytest.fixture
def target(tmp_path: Path) -> str:
    """A target file."""
    path = tmp_path / "target.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """A scratch folder below the test's own."""
    base = tmp_path / "scratch"
    base.mkdir()
    with Scratch(base) as made:
        yield made


def plan(target: str, op: str = "calm", allocator: Allocator = Allocator.DEFAULT) -> Plan:
    """One call in each of two threads."""
    program = ((Call(op),), (Call("calm"),))
    return Plan(target, program, seed=1, allocator=allocator, limits=Limits(seconds=60.0))


def started_in(folder: Path) -> set[int]:
    """Living processes that were started, or forked, with this scratch folder in their orders."""
    found = set()
    for process in psutil.process_iter():
        try:
            zombie = process.status() == psutil.STATUS_ZOMBIE
            if not zombie and str(folder) in " ".join(process.cmdline()[-1:]):
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition()` holds; a minute is for ever."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_trials_are_judged_and_the_plan_is_on_disk(target: str, scratch: Scratch) -> None:
    with Hosts(scratch) as hosts:
        trial = hosts.carry_out(plan(target))

        (path,) = scratch.path.glob("slot-*/plan.json")
        assert decode(path.read_bytes(), Plan, str(path)) == plan(target)
    assert trial.outcome.verdict is Verdict.PASSED


def test_one_host_for_each_allocator_and_only_so_many_warm(target: str, scratch: Scratch) -> None:
    with Hosts(scratch) as hosts:
        first = hosts.host(target)
        debug = hosts.host(target, allocator=Allocator.DEBUG)
        assert hosts.host(target) is first
        assert debug is not first
        assert hosts.carry_out(plan(target, allocator=Allocator.DEBUG)).evidence.complete

        for number in range(WARM - 1):
            hosts.host(target, (f"*{number}*",))

        assert hosts.host(target, allocator=Allocator.DEBUG) is debug
        assert hosts.host(target) is not first  # it was used longest ago
        assert len(list(scratch.path.iterdir())) == WARM


def test_a_plan_for_another_host_is_a_programming_error(target: str, scratch: Scratch) -> None:
    host = Host(target, scratch.slot())

    with pytest.raises(ValueError, match="this host is for"):
        host.run(plan("other.py"))


def test_a_full_disk_is_said_and_not_a_crash_of_the_target(
    target: str, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host(target, scratch.slot()) as host:
        _ = host.hello
        monkeypatch.setattr("stressor.campaign.host.SPACE", 1 << 62)

        with pytest.raises(NotTestedError, match="is full"):
            host.run(plan(target))


def test_an_interpreter_that_is_none_is_said(target: str, scratch: Scratch) -> None:
    host = Host(target, scratch.slot(), python="/nonexistent/python")

    with pytest.raises(NotTestedError, match="/nonexistent/python cannot be run"):
        host.run(plan(target))


def test_ctrl_c_in_a_trial_leaves_no_process_and_the_host_can_go_on(
    target: str, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with Host(target, scratch.slot()) as host:
        with monkeypatch.context() as patched:
            patched.setattr(watch, "take_sample", interrupt)
            with pytest.raises(KeyboardInterrupt):
                host.run(plan(target, "wait"))
        eventually(lambda: not started_in(scratch.path), "the child lives on")

        assert host.run(plan(target)).complete


def test_a_server_that_dies_between_trials_is_replaced(target: str, scratch: Scratch) -> None:
    with Host(target, scratch.slot()) as host:
        assert host.run(plan(target)).complete
        assert host._server is not None
        os.kill(host._server.pid, signal.SIGKILL)

        evidence = host.run(plan(target))

    assert evidence.complete
    assert evidence.ending.end is End.EXITED


def test_a_parent_that_is_killed_takes_everything_with_it(target: str, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    code = textwrap.dedent(
        f"""
        from pathlib import Path
        from stressor.campaign.hosts import Hosts
        from stressor.campaign.scratch import Scratch
        from tests.campaign.test_host import plan
        with Scratch(Path({str(base)!r})) as scratch, Hosts(scratch) as hosts:
            hosts.run(plan({target!r}, "wait"))
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        # The parent's own command names the folder too.
        eventually(lambda: len(started_in(base)) == 3, "server and child do not appear")
        # The record exists once the child is past its start.
        eventually(lambda: list(base.glob("*/slot-*/record.bin")), "the trial does not begin")
    finally:
        parent.kill()
        parent.wait()

    eventually(lambda: not started_in(base), "server or child outlive the parent")
    assert len(list(base.glob("*"))) == 2  # folder and lock: nobody was left to remove them
    assert len(remove_abandoned(base)) == 1
    assert list(base.iterdir()) == []
