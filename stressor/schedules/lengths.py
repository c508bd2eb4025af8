"""How many choices a program will have: what schedulers that spread their switches must know.

PCT (Burckhardt et al., ASPLOS 2010) draws its change points from the length of the run, SURW from the
length of each thread. Learnt from the steps of earlier trials, operation by operation; a guess before.
"""

from collections import Counter
from collections.abc import Sequence

from stressor.model.evidence import Control, Step, Why
from stressor.model.plan import Call, Plan
from stressor.model.site import Kind, Phase

UNKNOWN_STEPS = 20
"""Choices of an operation call that was never seen: a handful of C-API calls, both sides of each."""

_OPERATION = f"{Kind.OP.value}:target:"


class Lengths:
    """Mean choices of a call, by operation. Hooks are places for a choice too: kept apart."""

    def __init__(self) -> None:
        self._steps: Counter[tuple[str, bool]] = Counter()
        self._calls: Counter[tuple[str, bool]] = Counter()

    def learn(self, plan: Plan, control: Control) -> None:
        """Count the choices of each thread from one beginning of an operation to the next.

        When they were too many to be read, all calls of the round get the same share.
        """
        if plan.schedule is None:
            return
        hooks, running = plan.schedule.hooks, dict[int, str]()
        if control.count > len(control.steps):
            for call in (call for calls in plan.program for call in calls):
                self._calls[call.op, hooks] += 1
                self._steps[call.op, hooks] += -(-control.count // plan.calls)
            return
        for step in control.steps:
            if step.why is Why.VISIT and is_beginning(step):
                running[step.thread] = step.site.removeprefix(_OPERATION)
                self._calls[running[step.thread], hooks] += 1
            if step.thread in running:
                self._steps[running[step.thread], hooks] += 1

    def of(self, calls: Sequence[Call], hooks: bool) -> int:
        """About how many choices one thread has that makes these calls; at least 1."""
        return max(round(sum(self._each(call.op, hooks) for call in calls)), 1)

    def _each(self, operation: str, hooks: bool) -> float:
        calls = self._calls[operation, hooks]
        return self._steps[operation, hooks] / calls if calls else UNKNOWN_STEPS


def is_beginning(step: Step) -> bool:
    """Whether the thread was about to make an operation call."""
    return step.phase is Phase.BEFORE and step.site.startswith(_OPERATION)
