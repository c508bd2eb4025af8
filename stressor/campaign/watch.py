"""One child from its start to its end: waits, looks, and ends it when patience is over.

Carries out what `supervise.Patience` decides. A hung child's stacks are taken from outside while it
still hangs; then it is killed with all that it started.
"""

import os
import time
from pathlib import Path

from attrs import frozen

from stressor.campaign.forkserver import ForkServer
from stressor.campaign.link import LinkLost
from stressor.campaign.stacks.bysignal import BySignal
from stressor.campaign.stacks.registry import OUTSIDERS, take_stacks
from stressor.campaign.supervise import (
    TICK,
    Patience,
    Sample,
    is_zombie,
    kill_family,
    take_sample,
)
from stressor.model.evidence import End, Ending
from stressor.model.plan import Limits
from stressor.model.record import read_pulse

END_SECONDS = 20.0  # from SIGKILL to the server's word that it is over


@frozen
class Watched:
    """How a child ended, what it printed, and where it hung if it did."""

    ending: Ending
    printed: str
    stacks: str = ""
    lost_server: bool = False  # it does not answer any more and has to be replaced


def watch(server: ForkServer, pid: int, limits: Limits, record: Path) -> Watched:
    """See a child through. Raises `LinkLost` when its server dies with it."""
    began = time.monotonic()
    patience = Patience(limits, Sample(began, 0.0, 0, runnable=False, megabytes=0.0))
    while (status := server.wait_for_child(time.monotonic() + TICK)) is None:
        sample = take_sample(pid, time.monotonic(), read_pulse(record))
        end = patience.consider(sample)
        if end is not None:
            return _give_up(server, pid, end)
    return Watched(_ending(status), server.link.printed())


def end_child(server: ForkServer, pid: int) -> None:
    """Kill a child and wait until its server has noticed. Raises `LinkLost` when it does not."""
    kill_family(pid, server.pid)
    if server.wait_for_child(time.monotonic() + END_SECONDS) is None:
        raise LinkLost("the fork server did not notice the end of its child")


def _give_up(server: ForkServer, pid: int, end: End) -> Watched:
    if is_zombie(pid):
        # It is dead and its server does not say so: the child stopped its parent.
        raise LinkLost("the fork server does not answer")
    printed = server.link.printed()
    server.link.forget()  # now: what comes from here on may be the answer to a signal
    stacks = ""
    if end is not End.MEMORY:
        by_signal = BySignal(server.hello.stacks_signal, lambda seconds: _reply(server, seconds))
        stacks = take_stacks(pid, (*OUTSIDERS, by_signal))
    try:
        end_child(server, pid)
    except LinkLost:
        return Watched(Ending(end), printed, stacks, lost_server=True)
    return Watched(Ending(end), printed, stacks)


def _reply(server: ForkServer, seconds: float) -> str:
    server.link.wait_for_print(seconds)
    return server.link.printed()


def _ending(status: int) -> Ending:
    if os.WIFSIGNALED(status):
        return Ending(End.SIGNALLED, os.WTERMSIG(status))
    return Ending(End.EXITED, os.WEXITSTATUS(status))
