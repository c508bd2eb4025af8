"""The hosts of one job: one for each target, choice of modules, allocator and choice of redirected
functions that its plans name.

Decides how many fork servers stay warm. Each holds a loaded target in memory, so the one that was
used longest ago makes room.
"""

import sys
from types import TracebackType
from typing import Self

from stressor.campaign.host import Host
from stressor.campaign.scratch import Scratch
from stressor.model.evidence import Evidence
from stressor.model.plan import Allocator, Plan
from stressor.model.trial import Trial
from stressor.oracles import judge

WARM = 4

type Key = tuple[str, tuple[str, ...], Allocator, tuple[str, ...]]


class Hosts:
    """Carries out any plan. For one thread at a time; a job has its own."""

    def __init__(self, scratch: Scratch, python: str = sys.executable) -> None:
        """`scratch` may be shared by jobs; who made it closes it, after all hosts."""
        self._scratch = scratch
        self._python = python
        self._hosts: dict[Key, Host] = {}  # least recently used first

    def host(
        self,
        target: str,
        modules: tuple[str, ...] = (),
        allocator: Allocator = Allocator.DEFAULT,
        runtime: tuple[str, ...] = (),
    ) -> Host:
        """The host for these, started when it is first asked something."""
        key = (target, modules, allocator, runtime)
        host = self._hosts.pop(key, None)
        if host is None:
            while len(self._hosts) >= WARM:
                oldest = self._hosts.pop(next(iter(self._hosts)))
                oldest.close()
                self._scratch.drop(oldest.slot)
            slot = self._scratch.slot()
            host = Host(target, slot, modules, allocator, self._python, runtime)
        self._hosts[key] = host
        return host

    def host_of(self, plan: Plan) -> Host:
        """The host that carries this plan out."""
        return self.host(plan.target, plan.modules, plan.allocator, plan.runtime)

    def run(self, plan: Plan) -> Evidence:
        """Carry out a plan; raises what `Host.run` raises."""
        return self.host_of(plan).run(plan)

    def carry_out(self, plan: Plan) -> Trial:
        """Carry out a plan and judge it; raises what `Host.run` raises."""
        evidence = self.run(plan)
        return Trial(plan, evidence, judge(evidence))

    def close(self) -> None:
        """End all fork servers."""
        while self._hosts:
            self._hosts.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
