"""When a child is given up: literals in, decisions out. No process, no clock."""

from collections.abc import Iterable

from attrs import evolve

from stressor.campaign.supervise import PATIENCE, TICK, Patience, Sample
from stressor.model.evidence import End
from stressor.model.plan import Limits

LIMITS = Limits(seconds=2.0, memory_mb=100)
START = Sample(at=0.0, processor=0.0, progress=0, runnable=False, megabytes=1.0)


def ending(samples: Iterable[Sample], limits: Limits = LIMITS) -> tuple[End, float] | None:
    """The first decision to give up, and when."""
    patience = Patience(limits, START)
    for sample in samples:
        end = patience.consider(sample)
        if end is not None:
            return end, sample.at
    return None


def child(
    *,
    seconds: float,
    used: float = 0.0,
    progress_until: float = 0.0,
    runnable: bool = False,
    megabytes: float = 1.0,
) -> list[Sample]:
    """Samples of a child that uses `used` processors, and makes progress up to some second."""
    ticks = [TICK * number for number in range(1, int(seconds / TICK) + 1)]
    return [
        Sample(at, used * at, int(min(at, progress_until) * 100), runnable, megabytes)
        for at in ticks
    ]


def test_a_waiting_child_is_stuck_when_its_limit_is_over() -> None:
    assert ending(child(seconds=60)) == (End.STUCK, 2.0)


def test_nobody_is_given_up_before_the_limit() -> None:
    assert ending(child(seconds=1.75)) is None


def test_the_limit_counts_from_the_last_progress() -> None:
    assert ending(child(seconds=60, progress_until=3.0)) == (End.STUCK, 5.0)


def test_a_child_that_computes_without_progress_is_spinning() -> None:
    assert ending(child(seconds=60, used=1.0, runnable=True)) == (End.SPINNING, 2.0)


def test_spinning_needs_the_child_itself_to_have_used_the_time() -> None:
    assert ending(child(seconds=60, used=0.5, runnable=True)) == (End.SPINNING, 4.0)


def test_a_starved_child_is_slow_and_not_stuck() -> None:
    starved = child(seconds=60, used=0.01, runnable=True)

    assert ending(starved) == (End.SLOW, PATIENCE * LIMITS.seconds)


def test_a_child_that_makes_progress_is_slow_in_the_end() -> None:
    busy = child(seconds=60, used=1.0, progress_until=60.0, runnable=True)

    assert ending(busy) == (End.SLOW, PATIENCE * LIMITS.seconds)


def test_a_child_that_sleeps_and_looks_is_undecided() -> None:
    polling = child(seconds=60, used=0.1, runnable=False)

    assert ending(polling) == (End.SLOW, PATIENCE * LIMITS.seconds)


def test_a_parent_that_was_suspended_does_not_take_one_look_for_a_hang() -> None:
    # The machine slept for an hour: one sample, long after the limit.
    late = Sample(3600.0, 0.0, 0, runnable=False, megabytes=1.0)

    assert ending([late], Limits(seconds=5000.0)) is None
    assert ending([late]) == (End.SLOW, 3600.0)  # unknown, which is true


def test_memory_comes_first() -> None:
    assert ending(child(seconds=60, megabytes=101.0)) == (End.MEMORY, TICK)


def test_a_child_that_knows_its_deadlock_is_believed_at_once() -> None:
    for runnable in (False, True):
        told = Sample(TICK, 0.1, 7, runnable, megabytes=1.0, all_wait=False, deadlock=True)

        assert ending([told]) == (End.STUCK, TICK)


def test_waiting_with_a_time_out_is_no_hang() -> None:
    samples = [evolve(sample, all_wait=False) for sample in child(seconds=60)]

    assert ending(samples) == (End.SLOW, PATIENCE * LIMITS.seconds)
