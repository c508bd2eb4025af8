"""Forking children of the server, and leaving nothing of them behind.

A child leads its own process group. The server is the reaper of all its descendants (see `launch`),
so whatever a trial forked, also into a session of its own, ends up here and is killed before the
next trial. The group is killed while the dead child is still a zombie: until it is reaped nobody
else can have its number.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from stressor.runtime.descriptors import flush_streams

SWEEPS = 200  # a target that forks faster than this kills is left to the parent


def fork(live: Callable[[], NoReturn]) -> int:
    """Fork a child that does nothing but `live`; returns its process number."""
    flush_streams()  # or the child would send it off once more
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            live()
        finally:
            os._exit(
                70
            )  # `live` never returns; if it does, it must not come back as a second server
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)  # here too: whoever is first, the group exists when this returns
    return pid


def wait_and_sweep(pid: int, kept: frozenset[int]) -> int:
    """Wait for a child; kill and reap its group and its orphans. Returns its wait status.

    `kept` are children that the server had before: a target's import may have started some.
    """
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _kill_group(pid)
    _, status = os.waitpid(pid, 0)
    sweep(kept)
    return status


def wait_at_most(pid: int, seconds: float, kept: frozenset[int]) -> int | None:
    """Like `wait_and_sweep`, but kills the child after `seconds`; None then."""
    deadline = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            _kill_group(pid)
            wait_and_sweep(pid, kept)
            return None
        time.sleep(0.002)
    return wait_and_sweep(pid, kept)


def children() -> frozenset[int]:
    """Process numbers of all children; empty on a kernel without CONFIG_PROC_CHILDREN."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found.update(map(int, (task / "children").read_text().split()))
    return frozenset(found)


def sweep(kept: frozenset[int]) -> None:
    """Kill and reap every child that is not in `kept`."""
    if not kept and _reaped_all():
        return  # the usual case costs one system call
    for _ in range(SWEEPS):
        strays = children() - kept
        if not strays:
            return
        for stray in strays:
            with contextlib.suppress(OSError):
                os.kill(stray, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(stray, 0)  # SIGKILL has no deadline, but nothing can ignore it either


def _reaped_all() -> bool:
    """Reap all dead children; whether there are no living ones."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
