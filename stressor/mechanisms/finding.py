"""What runs of a model leave: data, in the words of the corpus, and its JSON.

A `Run` says all that is needed to run a model again; a `Finding` adds what was seen. Schedules name
threads, since numbers would change with a model's sizes.
"""

import json
from itertools import groupby
from typing import Any

from attrs import asdict, field, frozen

VERSION = 1


@frozen
class Run:
    """One run: which model, with which defect ("" for none) and sizes, and who went when."""

    mechanism: str
    defect: str = ""
    sizes: dict[str, int] = field(factory=dict)
    schedule: tuple[str, ...] = ()

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


def to_json(finding: Finding) -> dict[str, Any]:
    """Plain data with its version, for `--json` and for files."""
    return {"stressor": "finding", "version": VERSION, "finding": asdict(finding)}


def encode(finding: Finding) -> bytes:
    """One line of JSON."""
    return json.dumps(to_json(finding), ensure_ascii=False, separators=(",", ":")).encode()
