"""What runs of models leave: a run that broke an invariant, and what was seen of it.

A `Run` says all that is needed to run a model again; a `Finding` adds what was seen. Schedules name
threads, since numbers would change with a model's sizes. A finding is an entry of the corpus, beside
the trials of targets; its JSON is the codec's.
"""

from itertools import groupby

from attrs import field, frozen

from stressor.model.bounds import MOST_THREADS, OutOfBoundsError

MOST_STEPS = 5_000
"""A run this long is taken to have no end; models are small."""


@frozen
class Run:
    """One run: which model, with which defect ("" for none) and sizes, and who went when.

    `source` is where the class of `mechanism` is, as `module:Class` or `path.py:Class`; empty for a
    mechanism that comes with stressor.
    """

    mechanism: str
    defect: str = ""
    sizes: dict[str, int] = field(factory=dict)
    schedule: tuple[str, ...] = ()
    source: str = ""

    @property
    def model(self) -> str:
        """What names the model in a command: its source, or its name when it is a bundled one."""
        return self.source or self.mechanism

    @property
    def turns(self) -> int:
        """How often the turn passed to another thread, the first one not counted."""
        return sum(1 for _ in groupby(self.schedule)) - 1

    @property
    def cost(self) -> tuple[int, int, int]:
        """What minimizing makes smaller: threads that ran, turns, steps."""
        return len(set(self.schedule)), self.turns, len(self.schedule)


@frozen
class Taken:
    """One step that was taken."""

    thread: str
    step: str


@frozen
class Broken:
    """An invariant that does not hold, with its sentence and what is known beyond it."""

    key: str
    says: str
    detail: str = ""

    @property
    def text(self) -> str:
        """One line."""
        return f"{self.key}: {self.says}" + (f" ({self.detail})" if self.detail else "")


@frozen
class Finding:
    """A run that broke an invariant: the steps, and the state before and after the last one.

    `waiting` are the threads that had not ended, each with the step that it would take next.
    """

    run: Run
    broken: Broken
    steps: tuple[Taken, ...]
    before: dict[str, str]
    after: dict[str, str]
    waiting: tuple[Taken, ...] = ()


def check_finding(finding: Finding) -> None:
    """Raise `OutOfBoundsError` for what no run of a model leaves."""
    run = finding.run
    if not run.mechanism:
        raise OutOfBoundsError("run.mechanism", "must name a mechanism")
    if len(run.schedule) > MOST_STEPS:
        raise OutOfBoundsError("run.schedule", f"must have at most {MOST_STEPS} steps")
    if len({*run.schedule, *(each.thread for each in finding.waiting)}) > MOST_THREADS:
        raise OutOfBoundsError("run.schedule", f"must have at most {MOST_THREADS} threads")
    if tuple(each.thread for each in finding.steps) != run.schedule:
        raise OutOfBoundsError(
            "steps", "must be those of the threads of run.schedule, in its order"
        )
