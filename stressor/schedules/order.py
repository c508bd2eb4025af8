"""The order in which the scheduler "first" prefers threads: the base of every switch and every bound.

Non-preemptive round robin: who has the turn keeps it while it can and wants to, else the next thread
that can run, going round by number. The shim's `stressor_go_on` (`native/include/stressor/scheduler.h`)
chooses the same, which is what makes a list of switches a whole schedule.
"""

from stressor.model.evidence import Step, Why


def preferred(step: Step) -> tuple[int, ...]:
    """The threads that could be chosen at this step, in the order in which "first" would take them."""
    begin = step.thread + 1 if step.why is Why.YIELD else step.thread
    ready = sorted(step.ready)
    later = [thread for thread in ready if thread >= begin]
    return (*later, *(thread for thread in ready if thread < begin))


def usual(step: Step) -> int:
    """Whom "first" chooses here; whoever was chosen, when the record says that nobody was ready."""
    return preferred(step)[0] if step.ready else step.to
