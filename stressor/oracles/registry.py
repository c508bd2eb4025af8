"""The list of oracles, worst kind of failure first. A new oracle is a file, a line here and a test."""

from collections.abc import Callable

from attrs import frozen

from stressor.model.evidence import Evidence
from stressor.model.outcome import Failure
from stressor.oracles import borrow, crash, exception, gil, hang, illegal, invariant


@frozen
class Oracle:
    """A name and a pure function, which returns all failures that it sees, often none."""

    name: str
    failures: Callable[[Evidence], tuple[Failure, ...]]


ALL: tuple[Oracle, ...] = (
    Oracle("illegal", illegal.failures),
    Oracle("crash", crash.failures),
    Oracle("hang", hang.failures),
    Oracle("exception", exception.failures),
    Oracle("invariant", invariant.failures),
    Oracle("borrow", borrow.failures),
    Oracle("gil", gil.failures),
)
