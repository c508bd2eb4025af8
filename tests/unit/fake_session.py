"""A session whose fork servers are functions, so that the command line runs without a process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from attrs import define, evolve, field, frozen

from stressor.campaign import canary
from stressor.campaign.carryout import CarryOut
from stressor.campaign.hello import Hello
from stressor.campaign.hosts import Hosts
from stressor.campaign.session import Session
from stressor.cli.main import run
from stressor.errors import UsageError
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Allocator, Plan
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Trial
from stressor.targets.harness import OperationInfo

BORROWED = Site("call:stressor_canary:PyList_GetItem+0x1", Category.BORROWED_REF, (Phase.AFTER,))
CANARY = Signature(FailureKind.BORROW, "stressor_canary:peek")


@frozen
class FakeHost:
    hello: Hello
    shown: str = ""

    def texts(self, plan: Plan) -> tuple[tuple[str, ...], ...]:
        """Every call as its name and what `shown` says its arguments are."""
        return tuple(tuple(f"{c.op}({self.shown})" for c in calls) for calls in plan.program)


@define
class FakeHosts:
    """Stands in for `campaign.hosts.Hosts`. `targets` are those that exist, `loaded` their modules."""

    target: CarryOut
    targets: tuple[str, ...] = ("cache",)
    catches: bool = True
    asked: list[Plan] = field(factory=list)
    loaded: tuple[str, ...] = ()
    shown: str = ""

    def host(
        self,
        target: str,
        modules: tuple[str, ...] = (),
        allocator: Allocator = Allocator.DEFAULT,
        runtime: tuple[str, ...] = (),
    ) -> FakeHost:
        if target not in (*self.targets, canary.TARGET):
            raise UsageError(f"{target}: there is no such file, folder or module.")
        operations = (OperationInfo("read"), OperationInfo("write"))
        hello = Hello("3.13.5 free-threading", False, 10, operations, (), ())
        return FakeHost(evolve(hello, loaded=self.loaded), self.shown)

    def host_of(self, plan: Plan) -> FakeHost:
        return self.host(plan.target, plan.modules, plan.allocator, plan.runtime)

    def carry_out(self, plan: Plan) -> Trial:
        if plan.target == canary.TARGET:
            return self._canary(plan)
        self.host(plan.target)
        self.asked.append(plan)
        return self.target(plan)

    def _canary(self, plan: Plan) -> Trial:
        site = evolve(BORROWED, visits=plan.rounds, acted=1)
        evidence = Evidence(Ending(End.EXITED), plan.rounds, sites=(site,))
        if not self.catches:
            return Trial(plan, evidence, Outcome(Verdict.PASSED))
        outcome = Outcome(Verdict.FAILED, (Failure(CANARY, "destroyed while borrowed"),))
        return Trial(plan, evidence, outcome)


@define
class Shell:
    """Runs command lines against fake hosts."""

    hosts: FakeHosts
    opened: list[int] = field(factory=list)

    def __call__(self, *arguments: str | Path) -> int:
        return run([str(each) for each in arguments], self._open)

    @contextmanager
    def _open(self, jobs: int) -> Iterator[Session]:
        self.opened.append(jobs)
        # One job: with several, threads would run.
        yield Session((cast("Hosts", self.hosts),))


def shell(target: Callable[[Plan], Trial], catches: bool = True) -> Shell:
    return Shell(FakeHosts(target, catches=catches))
