"""What the processes do that finalize their interpreter for the probes of shutdown.

Runs without `site` and imports nothing that is not needed, for there is one such process a round. What
it is held against is in `stressor.probes.stopping`, `starting` and `waiting`; how it is started, in
`stressor.probes.ending`.
"""

import _thread
import atexit
import threading
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
    _probes.last_at_end(2)
    atexit.register(_probes.last_note, 2, "exits")
    _thread.start_joinable_thread(partial(keep_and_run, daemon, 0), daemon=True)
    _thread.start_joinable_thread(partial(daemon, 1), daemon=True)
    _probes.last_await(2, 2)


type Starts = Callable[[], object]
new_thread: Starts = partial(_thread.start_joinable_thread, _probes.starting_new, daemon=True)
late_thread: Starts = partial(_thread.start_joinable_thread, int, daemon=True)


def keep_and_create(starts: Starts) -> None:
    """A daemon that starts a thread, and whose thread state keeps something."""
    _probes.starting_keep(late_thread)
    _probes.starting_creator(starts)


def starting(starts: Starts) -> None:
    """A daemon starts a thread while the process ends, and a destructor tries to."""
    _probes.last_at_end(2)
    _probes.last_note(1, "waits")
    atexit.register(_probes.last_note, 2, "exits")
    _thread.start_joinable_thread(partial(keep_and_create, starts), daemon=True)
    _probes.last_await(1, 1)


def waiting() -> None:
    """A thread starts another while the process ends."""
    second = threading.Thread(target=run_second)
    first = threading.Thread(target=run_first, args=(second,))
    atexit.register(waited, first, second)
    _probes.last_note(1, "waits")
    _probes.last_note(2, "waits")
    _probes.last_note(0, "begins")
    threading.Thread(target=sleep, daemon=True).start()
    _probes.last_note(0, "start")
    first.start()
    _probes.last_note(0, "started")
    _probes.last_await(0, 1)
    _probes.last_note(0, "exits")


def run_first(second: threading.Thread) -> None:
    """Start the other one."""
    _probes.last_keep(1)
    _probes.last_note(1, "runs")
    _probes.last_note(1, "start")
    second.start()


def run_second() -> None:
    """Do nothing, for a moment."""
    _probes.last_keep(2)
    _probes.last_note(2, "runs")
    _probes.last_rested()


def sleep() -> None:
    """Do nothing, for ever."""
    _probes.last_note(3, "sleeps")
    threading.Event().wait()


def waited(first: threading.Thread, second: threading.Thread) -> None:
    """Called when the wait is over."""
    _probes.last_note(0, "waited", is_done(first) + 2 * is_done(second))


def is_done(thread: threading.Thread) -> bool:
    """Whether it was started and has ended."""
    return thread.ident is not None and not thread.is_alive()


def waiting_once() -> None:
    """As if those were all that are there when the wait begins."""
    threading._shutdown = join_present  # type: ignore[attr-defined]  # called by the runtime
    waiting()


def join_present() -> None:
    """Join the threads that are there now."""
    for each in threading.enumerate():
        if not each.daemon and each is not threading.current_thread():
            each.join()


PROGRAMS: dict[str, Callable[[], None]] = {
    "starting": partial(starting, new_thread),
    "starting detached": partial(starting, _probes.starting_detached),
    "stopping": partial(stopping, _probes.stopping_daemon),
    "stopping detached": partial(stopping, _probes.stopping_daemon_detached),
    "waiting": waiting,
    "waiting once": waiting_once,
}
