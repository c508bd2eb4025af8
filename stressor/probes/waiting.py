"""SD-WAIT held against processes that end: what `threading` waits for, and what it does not.

Main starts a daemon and a thread, which starts another one while the process may be ending already.
After the wait both have ended, as their thread states and their handles say; the daemon sleeps on. Not
held against the reference: threads that exit functions start, for which 3.13 does not wait, and when a
handle is freed.
"""

from stressor.mechanisms.shutdown.waiting import DAEMON, FIRST, MAIN, SECOND, WaitForThreads
from stressor.probes.ending import EndingProbe
from stressor.probes.monitor import END, Seen

START, ADD = "ThreadHandle_start", "add_to_shutdown_handles: HEAD_LOCK"
SHUTDOWN, DELETE = "thread_shutdown: HEAD_LOCK", "_PyThreadState_DeleteCurrent"


def done_are(model: WaitForThreads, thread: str, value: int) -> bool:
    """Which handles are done: 1 the first's, 2 the second's."""
    return (FIRST in model.exiting) + 2 * (SECOND in model.exiting) == value


class WaitingProbe(EndingProbe):
    """A process ends while one of its threads starts another."""

    mechanism = WaitForThreads
    roles = ((MAIN,), (FIRST,), (SECOND,), (DAEMON,))
    sees = {
        "waits": Seen(("thread_run",)),
        "begins": Seen((START,)),
        "start": Seen((ADD,)),
        "started": Seen((SHUTDOWN,), rests=True),
        "exits": Seen((SHUTDOWN,)),
        "waited": Seen((END,), rests=True, holds=done_are),
        "runs": Seen((ADD, DELETE), rests=True),
        "ends": Seen((DELETE,)),
        "sleeps": Seen(("sleeps for ever",)),
    }
    program = "waiting"


class LooksOnce(WaitingProbe):
    """Only the threads are joined that run when the wait begins."""

    program = "waiting once"
