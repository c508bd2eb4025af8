"""A kept finding, run again on the same model and on others."""

from typing import ClassVar

import pytest

from stressor.mechanisms.again import Became, again
from stressor.mechanisms.base import FaultyModelError, Mechanism, Step, Steps, safety
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.registry import maker
from tests.unit import faulty_models
from tests.unit.faulty_models import Counter


class Locked(Counter):
    """The counter, mended: who loads has the lock until it has stored."""

    def setup(self) -> None:
        super().setup()
        self.locked = False

    def adder(self, number: int) -> Steps:
        yield "begin"
        yield Step("load", until=lambda: not self.locked)
        self.locked = True
        seen = self.number
        yield "store"
        self.number = seen + 1
        self.added += 1
        self.locked = False


class Ignored(Counter):
    """The counter, whose steps are the same, and harmless."""

    def adder(self, number: int) -> Steps:
        yield from ("begin", "load", "store")
        self.number += 1
        self.added += 1


class Renamed(Counter):
    """The counter with another name of a step."""

    def adder(self, number: int) -> Steps:
        yield from ("start", "load")
        seen = self.number
        yield "store"
        self.number = seen + 1
        self.added += 1


class Stricter(Counter):
    """The counter with an invariant more."""

    @safety("I9", "nothing is stored")
    def nothing(self) -> bool:
        return not self.number


class Alone(Counter):
    """The counter with one thread."""

    sizes: ClassVar = {"threads": 1, "rounds": 1}


def kept() -> Finding:
    finding = exhaust(maker(Counter, "racy")).finding
    assert finding is not None
    return finding


def became(kind: type[Mechanism]) -> tuple[Became, str]:
    done = again(maker(kind, "racy"), kept())
    assert (done.finding is not None) == (done.became in {Became.SAME, Became.CHANGED})
    return done.became, done.reason


def test_the_same_model_breaks_in_the_same_way() -> None:
    done = again(maker(Counter, "racy"), kept())
    assert (done.became, done.reason, done.finding) == (Became.SAME, "", kept())


def test_the_same_steps_that_break_nothing_are_a_fix() -> None:
    assert became(Ignored) == (Became.FIXED, "the same 6 steps no longer break anything")


def test_steps_that_cannot_be_taken_say_nothing() -> None:
    what, reason = became(Locked)
    assert what is Became.DIVERGED
    assert reason == "the model has changed: step 4 was 'load' of T2, and is 'store' of T1"


def test_another_model_may_break_all_the_same() -> None:
    what, reason = became(Renamed)
    assert what is Became.CHANGED
    assert reason.startswith(
        "the model has changed: step 1 was 'begin' of T1, and is 'start' of T1"
    )
    assert reason.endswith("breaks the same invariant")


def test_another_invariant_is_said() -> None:
    what, reason = became(Stricter)
    assert what is Became.CHANGED
    assert reason.endswith("now breaks I9: nothing is stored")


def test_a_thread_that_is_gone() -> None:
    assert became(Alone) == (
        Became.DIVERGED,
        "the model has no thread 'T2' any more: it has T1",
    )


def test_a_faulty_model_is_no_outcome() -> None:
    with pytest.raises(FaultyModelError, match="ZeroDivisionError"):
        again(maker(faulty_models.Raises), kept())
