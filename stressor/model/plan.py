"""The plan: pure data that says all that is needed to run one trial.

Exploring, replaying and minimizing are edits of this one value. A strategy leaves nothing but
`rules` behind: the shim evaluates those and knows no strategy by name. The decision at a visit is
a pure function of (seed, round, logical thread, site, visit), never of a clock.
"""

from enum import Enum

from attrs import field, frozen

from stressor.model.site import Phase

ANYWHERE = "*"
ANY_STEP = -1
ALL = "all"  # of the functions inside the interpreter


class Action(Enum):
    """What a thread does at a visit."""

    GO = "go"
    YIELD = "yield"
    SPIN = "spin"
    SLEEP = "sleep"
    DETACH = "detach"
    HOLD = "hold"


class Allocator(Enum):
    """DEBUG poisons freed memory, so that a stale pointer is seen and not silently reused."""

    DEFAULT = "default"
    DEBUG = "debug"


@frozen
class Call:
    """One operation call. `entropy` (hex) feeds the argument strategies; empty: no arguments.

    `given` are the arguments themselves, as the text of a dict of Python literals; nothing is drawn
    then. That is how a reproducer that people read and edit names them.
    """

    op: str
    entropy: str = ""
    given: str = ""


@frozen
class Until:
    """The visit that a hold waits for: it has been passed on the given side."""

    thread: int
    site: str
    visit: int
    phase: Phase = Phase.AFTER


@frozen
class Rule:
    """When to act and how; the first matching rule of a plan wins.

    `site` is a site key, ``category:NAME``, ``kind:NAME`` or ``*``. `thread` and `visit` (1-based)
    narrow it, `chance` is per visit. The delay is drawn log-uniformly from `least_ns`..`most_ns`.
    A HOLD waits for `until`, at most `most_ns`: with `until` a rule is a pin.
    """

    action: Action
    site: str = ANYWHERE
    phase: Phase | None = None
    thread: int | None = None
    visit: int | None = None
    chance: float = 1.0
    least_ns: int = 0
    most_ns: int = 0
    until: Until | None = None

    @property
    def is_pin(self) -> bool:
        """A pin orders two visits; every other rule only passes time."""
        return self.until is not None


@frozen
class Spec:
    """A strategy's name and its numbers: where the rules came from, for people and statistics."""

    name: str
    numbers: dict[str, float] = field(factory=dict)


@frozen
class Switch:
    """At `thread`'s visit of a site the turn goes to `to`: one choice of a controlled schedule.

    `step` counts the choices of a round from 0. With a step the choice must come up exactly there,
    which is how a recorded schedule is replayed; ANY_STEP takes it wherever the visit happens.
    """

    thread: int
    site: str
    visit: int
    phase: Phase
    to: int
    step: int = ANY_STEP


@frozen
class Schedule:
    """Controlled mode: one thread runs at a time, and who goes next is chosen at every visit.

    The switches are carried out first; where none applies, the native strategy `then` chooses. With
    `hooks` destructions and allocations are places for a choice too. `trace` (16 hex digits) is what
    a recorded schedule visited; a run with another one diverged. Empty: not compared.
    """

    then: Spec = Spec("first")
    switches: tuple[Switch, ...] = ()
    hooks: bool = False
    trace: str = ""


@frozen
class Limits:
    """Ceilings of one trial. `seconds` is when a lack of progress starts to be looked at."""

    seconds: float = 5.0
    memory_mb: int = 2048


@frozen
class Plan:
    """All that is needed to run one trial.

    `target` is a path (file or folder) or an importable module; `modules` are globs over the file
    names of extension modules to instrument (empty: all of the target's packages); `runtime` are globs
    over the names of functions inside the interpreter whose calls are sites too. `program` has
    one tuple of calls per thread. A trial repeats the program up to `rounds` times on fresh state
    and stops at the first round that fails; round r decides with (seed, r). With a `schedule` the
    threads take turns (controlled mode) and there are no rules; without one they run in parallel
    (perturbed mode). `home` is the logical thread that calls setup() and so owns what it makes;
    None is the main thread, which takes no part in the program. `monitors` are names of
    `model.monitors`, in their order, of those that watch laws.
    """

    target: str
    program: tuple[tuple[Call, ...], ...]
    seed: int
    strategy: Spec = Spec("none")
    rules: tuple[Rule, ...] = ()
    schedule: Schedule | None = None
    home: int | None = None
    rounds: int = 1
    modules: tuple[str, ...] = ()
    allocator: Allocator = Allocator.DEFAULT
    ledger: bool = True
    monitors: tuple[str, ...] = ()
    limits: Limits = Limits()
    runtime: tuple[str, ...] = ()

    @property
    def threads(self) -> int:
        """Number of worker threads."""
        return len(self.program)

    @property
    def calls(self) -> int:
        """Operation calls in one round, over all threads."""
        return sum(len(calls) for calls in self.program)
