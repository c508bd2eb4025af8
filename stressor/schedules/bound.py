"""Bounds of an exhaustive search: what a choice costs, and how much a schedule may cost.

Preemptions: taking the turn from a thread that would go on costs one, everything else nothing
(Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded programs",
PLDI 2007). Delays: passing over a thread that a deterministic scheduler, here "first", would have
taken costs one each (Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling", POPL 2011).
"""

from enum import Enum

from attrs import frozen

from stressor.model.evidence import Step, Why
from stressor.schedules.order import preferred


class Unit(Enum):
    """What is counted."""

    PREEMPTIONS = "preemptions"
    DELAYS = "delays"


@frozen
class Bound:
    """At most `most` of `unit`."""

    unit: Unit
    most: int

    def cost(self, step: Step, to: int) -> int:
        """What choosing `to`, one of `step.ready`, costs; 0 for the one that "first" takes."""
        if self.unit is Unit.DELAYS:
            return preferred(step).index(to)
        goes_on = step.why is Why.VISIT and step.thread in step.ready
        return int(goes_on and to != step.thread)

    def __str__(self) -> str:
        unit = self.unit.value.removesuffix("s") if self.most == 1 else self.unit.value
        return f"at most {self.most} {unit}" if self.most else f"no {unit}"
