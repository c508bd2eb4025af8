"""The holder of the best trial so far, and the only door to carrying out a candidate.

Decides whether a candidate takes the place of the best: it must be cheaper and must fail often
enough, in an akin way. What to try is left to the passes, and what is often enough to `reproduce`:
`by_chance` here, `turns.by_turns` where threads take turns. No verdict on a candidate is remembered: a
miss proves nothing, and passes hardly ever propose the same plan twice. After Hypothesis'
`shrinker.py` and shrinkray's `reducer.py`.
"""

from collections.abc import Callable

from attrs import define, evolve, field, frozen

from stressor.minimize.effort import Meter
from stressor.minimize.odds import Quorum, Tally, quorum
from stressor.model.cost import cost
from stressor.model.outcome import Signature
from stressor.model.plan import Plan
from stressor.model.trial import Trial

CarryOut = Callable[[Plan], Trial]
Reproduce = Callable[["Search", Plan], Trial | None]


def ignore(search: "Search") -> None:
    """Tell nobody."""


@frozen
class Sample:
    """What some runs of one plan gave; `hit` is one that failed, with the very signature if any did."""

    hit: Trial | None = None
    tally: Tally = field(factory=Tally)


def by_chance(search: "Search", plan: Plan) -> Trial | None:
    """A failing run of a plan that fails about as often as the base; None of one that does not."""
    wanted = quorum(search.base.rate)
    sample = search.sample(plan, wanted)
    return sample.hit if sample.tally.hits >= wanted.hits else None


@define
class Search:
    """`best` failed with `signature` when it was accepted; `line` holds every best so far.

    `base` is what the start gave. Candidates are judged by its rate and not by that of the best:
    an accepted candidate's own count is flattered (it stops at its hits), and a bar that follows it
    would creep. `reproduce` gives a trial that fails surely enough, maybe of another plan for the same
    program, or None; in `searched` it notes what it need not look for twice. Whatever `carry_out`
    raises goes through.
    """

    best: Trial
    carry_out: CarryOut
    meter: Meter
    tell: Callable[["Search"], None] = ignore
    base: Tally = field(factory=Tally)
    reproduce: Reproduce = by_chance
    doing: str = ""
    searched: set[str] = field(factory=set)
    line: list[Trial] = field(init=False)
    signature: Signature = field(init=False)

    def __attrs_post_init__(self) -> None:
        signature = self.best.outcome.signature
        if signature is None:
            raise ValueError("there is nothing to minimize: the trial did not fail")
        self.signature = signature
        self.line = [self.best]

    def begin(self, doing: str) -> None:
        """Say what is being tried, for people who watch."""
        self.doing = doing
        self.tell(self)

    def run(self, plan: Plan) -> Trial:
        """Carry out once. Raises `Spent`."""
        self.meter.charge()
        return self.carry_out(plan)

    def count(self, plan: Plan, sample: "Sample") -> "Sample":
        """Carry out once more; akin failures are hits."""
        trial = self.run(plan)
        is_hit = self.is_hit(trial)
        hit = self.better(sample.hit, trial) if is_hit else sample.hit
        return Sample(hit, sample.tally.add(is_hit, trial.evidence.rounds))

    def is_hit(self, trial: Trial) -> bool:
        """Whether it failed in the same or an akin way."""
        signature = trial.outcome.signature
        return signature is not None and signature.is_akin(self.signature)

    def better(self, old: Trial | None, new: Trial) -> Trial:
        """The one with the very signature; of equals the newer."""
        if old is None or new.outcome.signature == self.signature:
            return new
        return old if old.outcome.signature == self.signature else new

    def sample(self, plan: Plan, wanted: Quorum) -> "Sample":
        """Run until the quorum is reached or out of reach."""
        sample = Sample()
        most_misses = wanted.tries - wanted.hits
        while sample.tally.hits < wanted.hits and sample.tally.misses <= most_misses:
            sample = self.count(plan, sample)
        return sample

    def measure(self, plan: Plan, runs: int) -> "Sample":
        """Run exactly so many times."""
        sample = Sample()
        for _ in range(runs):
            sample = self.count(plan, sample)
        return sample

    def consider(self, candidate: Plan) -> bool:
        """Take what reproduces of the candidate when it is cheaper."""
        if not cost(candidate) < cost(self.best.plan):
            return False
        hit = self.reproduce(self, candidate)
        return hit is not None and self.take_cheaper(hit)

    def take_cheaper(self, hit: Trial) -> bool:
        """Make a failing trial the best if its plan is cheaper."""
        if not cost(hit.plan) < cost(self.best.plan):
            return False
        self.accept(hit)
        return True

    def replace(self, candidate: Plan) -> bool:
        """Take the candidate when it reproduces, whatever it costs."""
        hit = self.reproduce(self, candidate)
        if hit is None:
            return False
        self.accept(hit)
        return True

    def accept(self, hit: Trial) -> None:
        """Make a failing trial the best."""
        self.best = evolve(hit, minimized=True)
        self.line.append(self.best)
        self.tell(self)
