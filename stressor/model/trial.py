"""A trial: a plan carried out once, with what was seen and what it meant. What the corpus stores."""

from attrs import frozen

from stressor.model.evidence import Evidence
from stressor.model.outcome import Outcome
from stressor.model.plan import Plan


@frozen
class Rate:
    """How often the plan failed again with the same or an akin signature: `hits` of `runs`."""

    hits: int
    runs: int

    def __str__(self) -> str:
        return f"{self.hits}/{self.runs}"


@frozen
class Origin:
    """Where an entry came from: interpreter, platform, the packages under test, stressor's version."""

    interpreter: str
    platform: str
    packages: dict[str, str]
    stressor: str


@frozen
class Trial:
    """A plan carried out once. `rate` and `origin` are filled in before it is kept.

    `cut_short` is how far minimizing came when it was not let to its end, "as far as 150 runs
    allowed"; empty when it found nothing more, or never began.
    """

    plan: Plan
    evidence: Evidence
    outcome: Outcome
    rate: Rate | None = None
    origin: Origin | None = None
    minimized: bool = False
    cut_short: str = ""
