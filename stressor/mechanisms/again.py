"""Running a kept finding again, on a model that may have been changed since.

A model is a function of its schedule, so one run decides: the same steps break the same invariant, or
the model is another one. Then it matters whether the recorded steps could still be taken.
"""

from enum import Enum
from itertools import zip_longest

from attrs import frozen

from stressor.mechanisms.finding import Finding, Taken
from stressor.mechanisms.replay import rehearse, retold
from stressor.mechanisms.running import Crew, Makes


class Became(Enum):
    """What became of a finding."""

    SAME = "same"  # the same steps break the same invariant
    CHANGED = (
        "changed"  # the model is another one, and this schedule still breaks an invariant of it
    )
    FIXED = "fixed"  # the same steps break nothing any more
    DIVERGED = "diverged"  # the steps cannot be taken any more, which says nothing


@frozen
class Again:
    """What became of a finding; `reason` says how the model differs, `finding` what is broken now."""

    became: Became
    reason: str = ""
    finding: Finding | None = None


def again(makes: Makes, kept: Finding) -> Again:
    """Run a finding's schedule. Raises `FaultyModelError` when the model breaks the rules of models."""
    rehearse(makes)
    names = Crew(makes()).names
    if missing := sorted(set(kept.run.schedule) - set(names)):
        reason = f"the model has no thread {missing[0]!r} any more: it has {', '.join(names)}"
        return Again(Became.DIVERGED, reason)
    steps, finding = retold(makes, [names.index(each) for each in kept.run.schedule])
    parted = _parted(kept.steps, steps)
    if finding is not None:
        same = finding.broken.key == kept.broken.key
        if same and finding.steps == kept.steps:
            return Again(Became.SAME, "", finding)
        more = f"the model has changed: after the same {len(kept.steps)} steps it goes on"
        now = "breaks the same invariant" if same else f"now breaks {finding.broken.text}"
        return Again(Became.CHANGED, f"{parted or more}; it {now}", finding)
    if parted:
        return Again(Became.DIVERGED, parted)
    return Again(Became.FIXED, f"the same {len(kept.steps)} steps no longer break anything")


def _parted(before: tuple[Taken, ...], now: tuple[Taken, ...]) -> str:
    """Where the steps are not the recorded ones; empty when all of those were taken."""
    pairs = zip_longest(before, now[: len(before)])
    for number, (one, two) in enumerate(pairs, start=1):
        if one != two:
            return f"the model has changed: step {number} was {_said(one)}, and is {_said(two)}"
    return ""


def _said(taken: Taken | None) -> str:
    return f"{taken.step!r} of {taken.thread}" if taken else "none"
