"""The first stage of the fork server: what the kernel must know before the real one starts.

All of it survives execve(2): randomization off (personality(2)), no core files (setrlimit(2)), the
death of the parent kills us (prctl(2), PR_SET_PDEATHSIG), and orphans of our children become our
own children (PR_SET_CHILD_SUBREAPER), so that a target's daemons can be found and ended. Extension
modules may be used freely here, because the exec forgets them.
"""

import contextlib
import json
import os
import resource
import sys
from typing import NoReturn

from stressor.runtime import binding

PR_SET_CHILD_SUBREAPER = 36


def launch(orders: str) -> NoReturn:
    """Prepare the process, then execute `serve` in it."""
    binding.die_with_parent(json.loads(orders)["parent"])
    adopt_orphans()
    leave_no_cores()
    # Where the system forbids it (seccomp), trials still work; `serve` says so in its first line.
    with contextlib.suppress(OSError):
        binding.disable_randomization()
    # orig_argv ends in "-m stressor.runtime launch ORDERS", whatever options stand before it.
    os.execv(sys.executable, [*sys.orig_argv[:-2], "serve", orders])


def leave_no_cores() -> None:
    """A crash is recorded by the shim; a core file for each would fill the disk.

    A limit of 1 and not 0: only then is a core that is piped to a program left out too (core(5)).
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))


def adopt_orphans() -> bool:
    """Become the reaper of all descendants; False where Python lacks ctypes or Linux lacks this."""
    try:
        import ctypes  # noqa: PLC0415 - optional in a self-built Python
    except ImportError:
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
