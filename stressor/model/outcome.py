"""Verdicts, failures and signatures: what evidence came to mean.

A failure has an identity, its signature: two runs of the same bug give the same one, so it holds no
address, thread number, time or temporary path. Five verdicts: a timeout is not a pass, a run that
exercised nothing is not a pass, and stressor's own faults are `BROKEN`, never the target's.
"""

import re
from enum import Enum
from hashlib import sha256

from attrs import frozen

from stressor.model.evidence import Frame

OUTSIDE = "outside operations"
"""The place of what happened when its thread was in no operation."""


class Verdict(Enum):
    """What became of a trial."""

    PASSED = "passed"
    FAILED = "failed"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"
    BROKEN = "broken"


class FailureKind(Enum):
    """What went wrong, worst first: this order ranks failures.

    A broken law comes first: it was seen before what came of it, and it names the place exactly.
    """

    ILLEGAL = "illegal"
    CRASH = "crash"
    HANG = "hang"
    EXCEPTION = "exception"
    INVARIANT = "invariant"
    BORROW = "borrow"
    GIL = "gil"


def located_in(where: str) -> str:
    """A place as words behind a verb: "in _csv:parse_save_field", "outside operations"."""
    return where if where == OUTSIDE else f"in {where}"


@frozen
class Signature:
    """Identity of a failure: kind and first telling place. `detail` separates what `where` cannot."""

    kind: FailureKind
    where: str
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.kind.value} {located_in(self.where)}"
        return f"{text} ({self.detail})" if self.detail else text

    def is_akin(self, other: "Signature") -> bool:
        """Whether `other` shows the same bug: equal, or both crashes.

        Meant for two runs of one plan. Damaged memory crashes whoever uses it next, which is seldom
        the same place twice; what else went wrong in another way is another failure.
        """
        return self == other or self.kind is other.kind is FailureKind.CRASH

    def slug(self) -> str:
        """A folder name: readable start, then a hash of the whole, at most 80 characters."""
        digest = sha256(str(self).encode()).hexdigest()[:8]
        words = re.sub(r"[^A-Za-z0-9]+", "-", f"{self.kind.value}-{self.where}").strip("-")
        return f"{words[:70].lower()}-{digest}"


@frozen
class Failure:
    """One thing that went wrong, told for a reader."""

    signature: Signature
    summary: str
    thread: int | None = None
    frames: tuple[Frame, ...] = ()
    details: str = ""


@frozen
class Outcome:
    """What the oracles made of the evidence, worst failure first."""

    verdict: Verdict
    failures: tuple[Failure, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def signature(self) -> Signature | None:
        """Signature of the worst failure."""
        return self.failures[0].signature if self.failures else None
