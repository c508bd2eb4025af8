"""The plan: pure data that says all that is needed to run one trial.

Exploring, replaying and minimizing are edits of this one value. A strategy leaves nothing but
`rules` behind: the shim evaluates those and knows no strategy by name. The decision at a visit is
a pure function of (seed, round, logical thread, site, visit), never of a clock.
"""

from enum import Enum

from attrs import field, frozen

from stressor.model.site import Phase

ANYWHERE = "*"


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
    """One operation call. `entropy` (hex) feeds the argument strategies; empty: no arguments."""

    op: str
    entropy: str = ""


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
class Limits:
    """Ceilings of one trial. `seconds` is when a lack of progress starts to be looked at."""

    seconds: float = 5.0
    memory_mb: int = 2048


@frozen
class Plan:
    """All that is needed to run one trial.

    `target` is a path (file or folder) or an importable module; `modules` are globs over the file
    names of extension modules to instrument (empty: all of the target's packages). `program` has
    one tuple of calls per thread. A trial repeats the program up to `rounds` times on fresh state
    and stops at the first round that fails; round r decides with (seed, r).
    """

    target: str
    program: tuple[tuple[Call, ...], ...]
    seed: int
    strategy: Spec = Spec("none")
    rules: tuple[Rule, ...] = ()
    rounds: int = 1
    modules: tuple[str, ...] = ()
    allocator: Allocator = Allocator.DEFAULT
    ledger: bool = True
    limits: Limits = Limits()

    @property
    def threads(self) -> int:
        """Number of worker threads."""
        return len(self.program)

    @property
    def calls(self) -> int:
        """Operation calls in one round, over all threads."""
        return sum(len(calls) for calls in self.program)
