"""One run of a command: its fork servers, the canary, and campaigns and replays on them.

Decides the order in which a campaign starts: the target must load, the canary must be caught, and
only then does the budget begin to run. Owns processes and scratch space, and leaves none behind.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from attrs import define, field, frozen

from stressor.campaign import canary
from stressor.campaign.budget import Budget
from stressor.campaign.explore import Campaign, CarryOut, Keep, Shrink, Surface, unbroken
from stressor.campaign.hello import Hello
from stressor.campaign.hosts import Hosts
from stressor.campaign.interrupt import stop_on_interrupt
from stressor.campaign.origin import origin_of
from stressor.campaign.progress import Finding, Progress
from stressor.campaign.report import Report
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.model.outcome import Signature, Verdict
from stressor.model.plan import Plan
from stressor.model.trial import Origin, Rate, Trial


@frozen
class Replayed:
    """What runs of one plan gave: the wanted signature, other ones, and what else.

    `last` is the last trial that failed as wanted, else the last of all.
    """

    rate: Rate
    others: Counter[Signature]
    verdicts: Counter[Verdict]
    last: Trial


@define
class Session:
    """Some jobs, each with fork servers of its own. Made by `open_session`."""

    hosts: tuple[Hosts, ...]
    _caught: canary.Caught | None = field(init=False, default=None)

    @property
    def carry_out(self) -> CarryOut:
        """The first job's door, for what is done one at a time; raises for a broken trial."""
        return unbroken(self.hosts[0].carry_out)

    def hello(self, target: str, modules: tuple[str, ...] = ()) -> Hello:
        """Load the target. Raises `UsageError`, `NotTestedError`."""
        return self.hosts[0].host(target, modules).hello

    def origin(self, plan: Plan) -> Origin:
        """Where trials of this plan come from, here and now."""
        hello = self.hello(plan.target, plan.modules)
        return origin_of(hello.interpreter, hello.own_modules)

    def catch_canary(self) -> canary.Caught:
        """Catch it, once in a session. Raises `NotTestedError`."""
        if self._caught is None:
            self._caught = canary.catch(self.carry_out)
        return self._caught

    def fuzz(
        self,
        settings: Settings,
        keep: Keep,
        progress: Progress,
        shrink: Callable[[Budget], Shrink] | None = None,
        known: Sequence[Finding] = (),
    ) -> Report:
        """Run a whole campaign; Ctrl-C ends it early. Raises before the first trial only.

        `known` are entries of any target; those of this one are tried first.
        """
        hello = self.hello(settings.target, settings.modules)
        self.catch_canary()
        budget = Budget(settings.seconds, settings.trials)
        campaign = Campaign(
            settings,
            Surface(hello.operations, hello.sites),
            tuple(hosts.carry_out for hosts in self.hosts),
            keep,
            progress,
            budget,
            shrink(budget) if shrink is not None else None,
            origin_of(hello.interpreter, hello.own_modules),
        )
        entries = [each for each in known if is_same(each.trial.plan.target, settings.target)]
        with stop_on_interrupt(campaign.stop):
            return campaign.run(entries)

    def replay(self, trial: Trial, runs: int, tell: Callable[[int, int], None]) -> Replayed:
        """Carry the trial's plan out `runs` times; `tell` gets runs done and hits among them."""
        others: Counter[Signature] = Counter()
        verdicts: Counter[Verdict] = Counter()
        last, hits = trial, 0
        for number in range(1, runs + 1):
            again = self.carry_out(trial.plan)
            verdicts[again.outcome.verdict] += 1
            signature = again.outcome.signature
            if signature == trial.outcome.signature:
                hits += 1
            elif signature is not None:
                others[signature] += 1
            if signature == trial.outcome.signature or not hits:
                last = again
            tell(number, hits)
        return Replayed(Rate(hits, runs), others, verdicts, last)


@contextmanager
def open_session(jobs: int = 1) -> Iterator[Session]:
    """Scratch space and fork servers, all gone at the end. Raises `OSError` without scratch space."""
    with ExitStack() as stack:
        scratch = stack.enter_context(Scratch())
        yield Session(tuple(stack.enter_context(Hosts(scratch)) for _ in range(jobs)))


def is_same(one: str, other: str) -> bool:
    """Whether two targets are the same: equal, or names of one file."""
    return one == other or os.path.realpath(one) == os.path.realpath(other)
