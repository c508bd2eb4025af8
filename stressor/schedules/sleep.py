"""Sleep sets: not trying a second order of two steps that touch different objects.

After Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032 (1996).
Two steps count as exchangeable only when each is nothing but a C-API call, from before it to after
it, on an object of its own; what runs between two calls is unknown and is exchangeable with nothing.
Still a heuristic: a call may reach more than the object that it names. And with a bound a schedule may
be left out for another order of itself that costs more than the bound allows (Coons, Musuvathi and
McKinley, "Bounded partial-order reduction", OOPSLA 2013).
"""

from attrs import frozen

from stressor.model.evidence import Step, Why
from stressor.model.site import Phase


@frozen
class Pending:
    """What a thread will do when it gets the turn, as far as is known: what it had come to."""

    obj: int
    phase: Phase


def pending_of(step: Step) -> Pending | None:
    """What the thread of the step is about to do; None when that is not known."""
    return Pending(step.obj, step.phase) if step.why is Why.VISIT and step.obj else None


def exchangeable(one: Pending | None, other: Pending | None) -> bool:
    """Whether the order of the two is taken to make no difference."""
    return (
        one is not None
        and other is not None
        and one.phase is other.phase is Phase.BEFORE
        and one.obj != other.obj
    )
