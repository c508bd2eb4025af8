"""Evidence: what was observed of one trial. Collected first, judged later, by pure functions.

Everything here was measured; nothing is a verdict. `Frame.function` and `Frame.line` are filled in
by the parent's symbolizer, because a crashed process cannot be asked.
"""

from enum import Enum

from attrs import frozen

from stressor.model.plan import Action
from stressor.model.site import Phase, Site


class End(Enum):
    """How the child ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    STUCK = "stuck"  # no progress and no processor time used: killed by the parent
    SPINNING = "spinning"  # no progress although processor time was used: killed by the parent
    SLOW = "slow"  # nothing told it from a hang when patience ended: killed by the parent
    MEMORY = "memory"  # over its memory ceiling: killed by the parent
    LOST = "lost"  # the fork server died with it


class CallStatus(Enum):
    """How far one operation call came."""

    RETURNED = "returned"
    RAISED_LEGAL = "raised-legal"
    RAISED = "raised"
    UNFINISHED = "unfinished"
    NOT_STARTED = "not-started"


@frozen
class Frame:
    """One native frame: module file name, offset of the return address in it, and its symbols."""

    module: str
    offset: int
    function: str | None = None
    source: str | None = None  # "file.c:123" when there is debug information
    path: str = ""


@frozen
class Raised:
    """An exception as text. `where` is the innermost frame outside stressor, "file.py:function"."""

    type: str
    message: str
    where: str = ""
    traceback: str = ""


@frozen
class CallResult:
    """One operation call of the last round; `shown` is its call text, "update(b'ab')"."""

    op: str
    status: CallStatus
    shown: str = ""
    raised: Raised | None = None


@frozen
class Event:
    """One entry of a thread's ring. `at` is a processor time stamp: it orders, it measures nothing."""

    thread: int
    at: int
    site: str
    visit: int
    phase: Phase
    action: Action = Action.GO
    ns: int = 0
    call: int = -1
    obj: int = 0
    expired: bool = False  # a hold whose deadline passed


class Why(Enum):
    """What led to a choice of a controlled schedule."""

    BEGIN = "begin"  # of the round: nobody has run yet
    VISIT = "visit"  # the thread could go on
    YIELD = "yield"  # it gave the turn away of its own will: sched_yield
    BLOCKED = "blocked"  # it waits for another thread
    EXPIRED = "expired"  # all wait: the next one is the timed wait that ends first
    WOKEN = "woken"  # nobody could go on until a thread of another's woke one
    REVOKED = "revoked"  # it waits in a call that is not modelled, and lost the turn
    ENDED = "ended"  # it has made its last call


@frozen
class Step:
    """One choice of a controlled schedule: `thread` was at a visit, and `to` went on.

    `ready` are the threads that could be chosen. Without a visit (BEGIN, ENDED) `site` is empty and
    `visit` 0; `thread` is -1 at BEGIN.
    """

    thread: int
    site: str
    visit: int
    phase: Phase
    to: int
    why: Why
    ready: tuple[int, ...]
    obj: int = 0


@frozen
class Wait:
    """What a thread of a deadlocked trial waits for: `obj` at the blocking call's site and visit."""

    thread: int
    site: str
    visit: int
    obj: int


@frozen
class Divergence:
    """Where a run left the schedule it was given: both sides as text, "thread 1 at SITE (visit 2)"."""

    step: int
    wanted: str
    actual: str


@frozen
class Control:
    """What was observed of a controlled schedule, of the last round.

    `steps` are the choices, the first of them only when there were more than the record holds;
    `count` is how many there were. `trace` (16 hex digits) covers every choice and visit. `revoked`
    counts waits that were not modelled: with any, the next run may go another way.
    """

    steps: tuple[Step, ...] = ()
    count: int = 0
    trace: str = ""
    deadlock: tuple[Wait, ...] = ()
    divergence: Divergence | None = None
    revoked: int = 0


@frozen
class Crash:
    """What the signal handler wrote. `thread` is the logical thread, -1 for any other."""

    signal: int
    address: int
    thread: int
    frames: tuple[Frame, ...] = ()


@frozen
class Loss:
    """The borrow ledger: an object was destroyed while a thread had it borrowed.

    `used` says how the borrower then used it ("counted", "passed to SYMBOL", "returned", "crash");
    None means that it was never seen to be used, and then it is not a failure.
    """

    site: str
    thread: int
    visit: int
    type: str
    destroyer: int
    used: str | None
    borrower_frames: tuple[Frame, ...] = ()
    destroyer_frames: tuple[Frame, ...] = ()

    @property
    def what(self) -> str:
        """The object in words: "an int", "a str"."""
        return f"{'an' if self.type[:1] in tuple('aeiouAEIOU') else 'a'} {self.type}"


@frozen
class Breach:
    """A law of `model.monitors` that a thread broke, the first time it did so at this site.

    `obj` is what it is about: an object, a thread state or a critical section. `words` are what was
    seen, by the names that the law gives them; `times` counts all breaches of it at the site.
    """

    law: str
    site: str
    thread: int
    visit: int
    phase: Phase
    obj: int = 0
    words: tuple[int, ...] = ()
    times: int = 1
    frames: tuple[Frame, ...] = ()


@frozen
class Ending:
    """End of the process; `code` is the exit code or the signal number."""

    end: End
    code: int = 0


@frozen
class Evidence:
    """All that was observed of one trial; per-call data is that of its last round."""

    ending: Ending
    rounds: int = 0
    setup: Raised | None = None
    check: Raised | None = None
    calls: tuple[tuple[CallResult, ...], ...] = ()
    crash: Crash | None = None
    losses: tuple[Loss, ...] = ()
    breaches: tuple[Breach, ...] = ()
    events: tuple[tuple[Event, ...], ...] = ()
    sites: tuple[Site, ...] = ()
    gil_culprit: str | None = None  # "" when the GIL came back and nobody can be named
    stacks: str = ""  # of a hung child, from a stack provider
    stderr: str = ""
    fault: str | None = None  # a fault of stressor's own, with its traceback
    control: Control | None = None  # of a controlled trial
    strangers: int = 0  # visits by threads that the trial did not start
    seconds: float = 0.0
    complete: bool = True  # False: it ended without its result, and can be anything but passed
