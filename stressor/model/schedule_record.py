"""What a controlled schedule leaves in the record: its choices, who waits, where it left its course.

The layout is that of `struct stressor_control` in `native/include/stressor/record.h`; `model.record`
says where in the file it is, and reads the rest. Nothing is trusted, as there: numbers are bounded,
and what makes no sense is left out.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from mmap import mmap

from attrs import frozen

from stressor.model.bounds import MOST_THREADS
from stressor.model.evidence import Control, Step, Wait, Why
from stressor.model.site import Phase

STEPS = 1 << 16  # choices that are kept: the first ones of a round
NOWHERE = 0xFFFFFFFF  # the site of a choice at no visit

HEAD = struct.Struct("<QQQQIIII")
STEP = struct.Struct("<QQIIhhBBH")
DEPARTED_STEP = struct.Struct("<Q")
WAIT = struct.Struct("<QIIII")

DEADLOCK_AT = 32
DEPARTED_AT = HEAD.size
DEPARTED_STEP_AT = DEPARTED_AT + STEP.size
WAITS_AT = DEPARTED_STEP_AT + DEPARTED_STEP.size
STEPS_AT = WAITS_AT + MOST_THREADS * WAIT.size
SIZE = STEPS_AT + STEPS * STEP.size

_WHYS, _PHASES = tuple(Why), tuple(Phase)


class Leave(Enum):
    """How a run left the schedule that it was given; in the order of the record's numbers from 1."""

    ELSEWHERE = "elsewhere"  # the step of a switch came at another visit
    UNREADY = "unready"  # the thread that a switch names could not run
    MISSED = "missed"  # the round ended before the switch


@frozen
class Departure:
    """The first choice that was not the plan's: `switch` counts the plan's, `came` came instead."""

    leave: Leave
    switch: int
    step: int
    came: Step | None


def is_deadlocked(data: mmap, start: int) -> bool:
    """Whether the turnstile found that no thread will ever go on: the cheapest look of all."""
    return data[start + DEADLOCK_AT : start + DEADLOCK_AT + 4] != bytes(4)


def read_control(data: mmap, start: int, threads: int, keys: Sequence[str]) -> Control | None:
    """Read all but the choices; None of a trial in which the threads ran in parallel.

    `threads` took part; `keys` are those of the sites, "" for what is none.
    """
    trace, count, _, revoked, deadlock, _, _, controlled = HEAD.unpack_from(data, start)
    if not controlled:
        return None
    return Control(
        count=count,
        trace=f"{trace:016x}",
        deadlock=tuple(_waits(data, start, threads, keys)) if deadlock else (),
        revoked=revoked,
    )


def read_steps(data: mmap, start: int, threads: int, keys: Sequence[str]) -> tuple[Step, ...]:
    """Read the choices: two milliseconds for a thousand, which is much for every trial."""
    kept = min(HEAD.unpack_from(data, start)[1], STEPS)
    begin = start + STEPS_AT
    return tuple(_steps(STEP.iter_unpack(data[begin : begin + kept * STEP.size]), threads, keys))


def read_departure(data: mmap, start: int, threads: int, keys: Sequence[str]) -> Departure | None:
    """Read where the run left its schedule; None when it did not."""
    diverged, switch, controlled = HEAD.unpack_from(data, start)[5:]
    if not controlled or not 1 <= diverged <= len(Leave):
        return None
    (step,) = DEPARTED_STEP.unpack_from(data, start + DEPARTED_STEP_AT)
    came = _steps([STEP.unpack_from(data, start + DEPARTED_AT)], threads, keys)
    return Departure(tuple(Leave)[diverged - 1], switch, step, next(came, None))


def _steps(raw: Iterable[tuple[int, ...]], threads: int, keys: Sequence[str]) -> Iterator[Step]:
    sets = _Sets()
    known = {site: key for site, key in enumerate(keys) if key}
    known[NOWHERE] = ""
    seats = range(-1, threads)
    for ready, obj, site, visit, thread, to, phase, why, _ in raw:
        key = known.get(site)
        if key is not None and thread in seats and to in seats and phase < 2 and why < len(_WHYS):
            # By position: this runs for every choice of every controlled trial.
            yield Step(thread, key, visit, _PHASES[phase], to, _WHYS[why], sets[ready], obj)


def _waits(data: mmap, start: int, threads: int, keys: Sequence[str]) -> Iterator[Wait]:
    for thread in range(threads):
        obj, site, visit, waiting, _ = WAIT.unpack_from(data, start + WAITS_AT + thread * WAIT.size)
        if waiting:
            yield Wait(thread, keys[site] if site < len(keys) else "", visit, obj)


class _Sets(dict[int, tuple[int, ...]]):
    """Sets of threads by their bits, made once each: a schedule has few different ones."""

    def __missing__(self, bits: int) -> tuple[int, ...]:
        self[bits] = made = tuple(i for i in range(MOST_THREADS) if bits >> i & 1)
        return made
