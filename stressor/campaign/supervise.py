"""Watching one child from outside: when it is given up, and how nothing of it is left behind.

A slow machine is not a hang. A child is given up for hanging only when it made no progress (visits,
counted in its record) for `Limits.seconds` and either used that much processor time itself meanwhile
(spinning) or used next to none while all its threads wait for each other (stuck): on a futex, without
a time-out. A thread that sleeps, waits with a time-out or for another process may yet go on. What
cannot be told apart by four times that long is slow, which is no failure. Where threads take turns the
child knows itself that nobody will ever go on, and is believed at once. `Patience` decides, from
samples alone; what is done about it is the host's business.
"""

import contextlib
import os
import signal
from pathlib import Path

import psutil
from attrs import frozen

from stressor.model.evidence import End
from stressor.model.plan import Limits
from stressor.model.record import Pulse

TICK = 0.25  # seconds between two looks
PATIENCE = 4  # times `Limits.seconds`: the end of any trial
IDLE = 0.05  # of one processor: less is no work, only the noise of waiting
FUTEX = {"x86_64": "202", "aarch64": "98"}.get(os.uname().machine, "")
LOOKS = 3  # at least so many samples of the same state, the first of them at the last progress


@frozen
class Sample:
    """One look at a child: seconds of the clock and of processor time, visits, state, size."""

    at: float
    processor: float
    progress: int
    runnable: bool  # some thread of it has, or waits for, a processor
    megabytes: float
    all_wait: bool = True  # every thread for another one, for ever
    deadlock: bool = False  # its turnstile says so


class Patience:
    """Decides from successive samples whether a child is to be given up."""

    def __init__(self, limits: Limits, first: Sample) -> None:
        self._limits = limits
        self._first = first
        self._since = first  # the sample that saw the last progress
        self._looks = 0
        self._runnable = 0

    def consider(self, sample: Sample) -> End | None:
        """Return how the child is to be ended, None to let it go on."""
        if sample.megabytes > self._limits.memory_mb:
            return End.MEMORY
        if sample.deadlock:
            return End.STUCK
        if sample.progress != self._since.progress:
            self._since, self._looks, self._runnable = sample, 0, 0
        self._looks += 1
        self._runnable += sample.runnable
        quiet = sample.at - self._since.at
        if quiet >= self._limits.seconds and self._looks >= LOOKS:
            used = sample.processor - self._since.processor
            if used >= self._limits.seconds:
                return End.SPINNING
            idle = used <= IDLE * quiet and 2 * self._runnable < self._looks
            if idle and sample.all_wait:
                return End.STUCK
        if sample.at - self._first.at >= PATIENCE * self._limits.seconds:
            return End.SLOW
        return None


def take_sample(pid: int, at: float, pulse: Pulse) -> Sample:
    """Look at process `pid` and all it started. A process that is gone gives zeros."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        times = process.cpu_times()
    except psutil.Error:
        return Sample(at, 0.0, pulse.progress, runnable=False, megabytes=0.0)
    return Sample(
        at,
        times.user + times.system,
        pulse.progress,
        _wants_processor(pid),
        sum(_resident(member) for member in family) / 2**20,
        all_wait=_all_wait(pid),
        deadlock=pulse.deadlock,
    )


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _wants_processor(pid: int) -> bool:
    """Whether a thread is in state R, or D: waiting for a page or a disk is no hang of the target."""
    return any(_state(task) in {"R", "D"} for task in Path(f"/proc/{pid}/task").glob("*"))


def _state(task: Path) -> str:
    """The letter of proc(5); empty for a thread that is gone."""
    with contextlib.suppress(OSError):
        # The name in parentheses may hold anything, also parentheses.
        return (task / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    return ""


def _all_wait(pid: int) -> bool:
    """Whether every thread is in a futex wait without a time-out (futex(2): the fourth argument).

    A stopped one may be continued by whoever stopped it: it proves nothing.

    `/proc/PID/task/TID/syscall` gives the number of the system call and its arguments (proc(5)). Where
    it may not be read nothing is known, and idleness has to be enough.
    """
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            words = (task / "syscall").read_text().split()
        except OSError:
            continue
        if words[:1] != [FUTEX] or int(words[4], 16) != 0:
            return False
    return True


def kill_family(pid: int, parent: int) -> None:
    """Kill the group that `pid` leads and all its descendants, also those in sessions of their own.

    Looks for descendants before the leader dies, since it is all that ties them together; a process
    that is no child of `parent` only got the number of a dead one and is left alone. Several rounds,
    because a process that is being killed may fork once more.
    """
    for _ in range(5):
        try:
            leader = psutil.Process(pid)
            if leader.ppid() != parent:
                return
            descendants = leader.children(recursive=True)
        except psutil.Error:
            return
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        for each in descendants:
            with contextlib.suppress(psutil.Error):
                each.kill()  # psutil compares the start time, so a reused number is safe
        if not descendants:
            return


def is_zombie(pid: int) -> bool:
    """Whether the process is dead and only its parent has not noticed."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def kill_marked(name: str, mark: str) -> None:
    """Kill every process with `name=mark` in its environment: the family of one fork server.

    Needed when the server died before its descendants: orphans have no other tie to us.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(name) == mark:
                process.kill()
