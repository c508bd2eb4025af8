"""What the processes do that finalize their interpreter for the probes of shutdown.

Runs without `site` and imports nothing that is not needed, for there is one such process a round. What
it is held against is in `stressor.probes.stopping`, `starting` and `waiting`; how it is started, in
`stressor.probes.ending`.
"""

import _thread
import atexit
from collections.abc import Callable
from functools import partial

from stressor import _probes


def main(program: str, memory: str, seed: str) -> None:
    """Called by the new process; it finalizes after this."""
    _probes.last_open(int(memory), int(seed))
    PROGRAMS[program]()


def keep_and_run(daemon: Callable[[int], None], slot: int) -> None:
    """A daemon whose thread state keeps something."""
    _probes.stopping_keep()
    daemon(slot)


def stopping(daemon: Callable[[int], None]) -> None:
    """Two daemons attach and detach while the process ends."""
    _probes.stopping_at_end()
    atexit.register(_probes.last_note, 2, "exits")
    _thread.start_joinable_thread(partial(keep_and_run, daemon, 0), daemon=True)
    _thread.start_joinable_thread(partial(daemon, 1), daemon=True)
    _probes.last_await(2)


PROGRAMS: dict[str, Callable[[], None]] = {
    "stopping": partial(stopping, _probes.stopping_daemon),
    "stopping detached": partial(stopping, _probes.stopping_daemon_detached),
}
