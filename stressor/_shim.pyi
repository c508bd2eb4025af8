"""Types of the native shim (`native/src/module.c`). `stressor.runtime.binding` is its only importer.

Numbers of kinds, categories, actions and phases follow the order of `stressor.model`'s enums. All
calls are made by the thread that owns the child, unless they say "worker".
"""

from collections.abc import Sequence
from typing import TypedDict, final

class Slot(TypedDict):
    module: str
    path: str
    symbol: str
    category: int
    relocation: str  # "JUMP_SLOT", "GLOB_DAT" or "ABS64"
    count: int

class Uncovered(TypedDict):
    module: str
    path: str
    reason: str

class Symbol(TypedDict):
    name: str
    kind: int
    category: int
    phases: int  # bit 0: before, bit 1: after
    borrows: bool
    may_detach: str  # the reason, "" when the site must never detach
    turns: int  # sides at which other threads may go on; bits like those of phases
    first: str  # of a function that can be redirected: what its first argument is

def catalogue() -> list[Symbol]: ...
def layout() -> dict[str, int]:
    """Sizes and offsets of the record file, compared by a test with `stressor.model.record`."""

def supported() -> str:
    """Empty, or why this platform or interpreter cannot be instrumented."""

def schedulers() -> list[tuple[str, list[tuple[str, int]]]]:
    """The native schedulers in the registry's order: names, with their numbers and usual values."""

@final
class Scheduler:
    """A native scheduler that Python drives: the same choices as at native sites.

    `numbers` are in the order of `schedulers()`. Any thread; calls of one object exclude each other.
    Raises ValueError on a name, a count of threads (1 to 64) or a number that it does not take.
    """

    def __new__(cls, name: str, seed: int, threads: int, numbers: Sequence[int]) -> Scheduler: ...
    def arrive(
        self,
        thread: int,
        site: int,
        object: int,
        visit: int,
        phase: int = 0,
        category: int = 0,
        /,
    ) -> None:
        """What a thread is about to make (phase 0) or has made: the site's key hash, the object.

        Kept until the thread's next one; all zero for a thread that has not begun. Raises ValueError
        on a thread that there is not, or a number out of its range.
        """
    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        """A thread of the set `ready` (bit per thread), after `current` (-1: none) stopped for `why`.

        Raises ValueError on an empty set, a thread that there is not, or a number out of its range.
        """

def loaded_modules() -> list[str]:
    """Paths of all shared objects in the process, the executable first."""

def open_record(path: str) -> None:
    """Create and map the record file; it outlives the process. Once per process."""

def instrument(globs: list[str]) -> tuple[list[Slot], list[Uncovered]]:
    """Rewrite the slots of all loaded modules whose path matches a glob, and of the interpreter's
    libc slots. Idempotent. Modules loaded later that match are caught on `dlopen`'s return.
    """

def redirectable() -> str:
    """Empty, or why calls inside this interpreter cannot be redirected."""

def redirect(build_id: str, functions: list[tuple[str, int, list[int]]]) -> str:
    """Lead calls inside the interpreter through the gate; empty, or why nothing was changed.

    A function is a name of the catalogue, its address in the interpreter's file and the ends of the
    calls that lead there. Once per process, by its only thread. Raises ValueError on another name.
    """

def restore() -> int:
    """Put back the slots of all objects that are still loaded; returns how many."""

def declare_operations(names: list[str]) -> None:
    """Make the sites of the operations. After `arm`, which forgets all sites: RuntimeError before."""

def arm(
    seed: int,
    threads: int,
    rules: list[tuple[int, ...]],
    ledger: bool,
    hooks: bool,
    recording: bool = True,
    monitors: int = 0,
) -> None:
    """Begin to act. A rule is (selector kind, selector value, phase, thread, visit, chance of 2**32,
    action, least_ns, most_ns, until thread, until key hash, until visit, until phase); -1 is "any".
    `monitors` has a bit for each monitor, in the order of `stressor.model.monitors`. Raises ValueError
    on a malformed rule or an unknown monitor, RuntimeError where monitors know nothing of this Python.
    """

def begin_round(number: int) -> None:
    """Forget visits and events; decisions from now on are those of round `number`."""

def disarm() -> None:
    """Stop acting. Allocators are restored; the reference tracer stays and does nothing."""

def used_losses() -> int:
    """Findings of the borrow ledger whose borrower was seen to use the dead object, so far."""

def breaches() -> int:
    """Findings of the monitors so far."""

def laws() -> list[str]:
    """Names of the laws, in the order of the record's numbers."""

def enter(thread: int) -> None:
    """Worker: the calling thread is this logical thread from now on."""

def leave() -> None:
    """Worker: the calling thread is a stranger again."""

def barrier_reset(parties: int) -> None: ...
def barrier_wait() -> None:
    """Worker: detach, leave the round if the threads take turns, wait for all parties, go on."""

def control(
    scheduler: str, numbers: Sequence[int], switches: list[tuple[int, int, int, int, int, int]]
) -> None:
    """Let threads take turns from the next `arm` until `disarm`, on one processor.

    `numbers` has all of the scheduler's, in its order (`schedulers`). A switch is (step or -1,
    thread, key hash of the site or 0, visit, phase, to); those with a step come first, in order.
    Raises ValueError.
    """

def turn_enter() -> None:
    """Worker: join the controlled round; returns when all have and it has the turn. Else nothing."""

def run_round() -> None:
    """Owner: let the workers that wait at the barrier go, and wait until all are there again."""

def operation_begin(operation: int, call: int) -> None:
    """Worker: the BEFORE side of an operation site."""

def operation_end(result: object) -> None:
    """Worker: the AFTER side; also settles the thread's open losses (was a substitute returned?)."""

def handle_crashes() -> None:
    """Install the crash handlers, on top of what is installed; give each worker an own stack.

    With the interpreter instrumented, handlers that it sets later for the same signals run after ours.
    """

def disable_randomization() -> bool:
    """True when address randomization was off already; False: it is now, for the next exec."""

def die_with_parent() -> None: ...
def decide(
    seed: int,
    round: int,
    thread: int,
    site: int,
    visit: int,
    rules: list[tuple[int, ...]],
    phase: int,
) -> tuple[int, int]:
    """The pure decision, for tests: (action, nanoseconds)."""

def key_hash(key: str) -> int: ...
def bench(what: str, iterations: int) -> float:
    """Nanoseconds per iteration of one of the built-in measurements."""
