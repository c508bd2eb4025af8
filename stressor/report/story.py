"""What an explanation is made of, and what all of them look at: visits, calls, names of sites."""

from collections.abc import Sequence

from attrs import field, frozen

from stressor.model.evidence import Evidence
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.report.history import Made, Visited, result_of
from stressor.report.plain import plain
from stressor.report.words import Sites, ordinal, site_words

BROKE, LAST_USE, STOOD = "broke it", "last use", "stood here"


@frozen
class Explanation:
    """`sentences` tell it, `marks` are the visits that matter most, with what to write beside them."""

    sentences: tuple[str, ...] = ()
    marks: dict[Visited, str] = field(factory=dict)


@frozen
class Story:
    """What all cases look at."""

    trial: Trial
    sites: Sites
    visits: Sequence[Visited]
    calls: Sequence[Made]

    @property
    def evidence(self) -> Evidence:
        """What was observed."""
        return self.trial.evidence

    def site(self, key: str) -> str:
        """The name of a site."""
        return site_words(key, self.sites)

    def point(self, visit: Visited) -> str:
        """Where a thread is at a side of a visit: "just before X in set+0x1", "at the end of Y"."""
        if visit.is_operation:
            edge = "begin" if visit.phase is Phase.BEFORE else "end"
            return f"at the {edge} of {self.site(visit.site)}"
        return f"just {visit.phase.value} {self.site(visit.site)}"

    def call(self, made: Made) -> str:
        """The text of a call."""
        result = result_of(self.evidence, made)
        return plain(result.shown if result is not None and result.shown else made.op)

    def around(self, at: int, thread: int) -> Made | None:
        """The call of `thread` that ran at a place of the history."""
        running = (c for c in self.calls if c.thread == thread and c.begin <= at <= c.end)
        return next(running, None)


def visit_words(visit: Visited, sites: Sites) -> str:
    """Name one side of a visit: "thread 1 before PyList_SetItem in play+0x1 (1st visit)"."""
    where = site_words(visit.site, sites)
    return f"thread {visit.thread} {visit.phase.value} {where} ({ordinal(visit.visit)} visit)"
