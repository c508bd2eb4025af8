"""Evidence of one trial, put together from what the child left behind and how it ended.

A child that ended well is asked for little: its result and its sites. All else, the events, the
crash, the stacks, the calls as text, is gathered when there is something to explain. The choices of a
controlled schedule always are: what is tried next follows from them. Whatever is missing or makes no
sense is left out: no child, however broken, can make this fail.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from stressor.campaign.account import STATUSES, Account
from stressor.model.evidence import CallResult, Control, End, Ending, Evidence
from stressor.model.plan import Call, Plan
from stressor.model.record import Lane, Reading, read_record, read_steps, read_summary
from stressor.oracles.divergence import left_course

MOST_PRINTED = 16_000  # characters of standard error
OWN_FAULT = "stressor's own fault:"  # begins what the child prints when it cannot write a result

type Texts = Sequence[Sequence[str]]
"""The text of each thread's calls; empty when they are not known."""


@frozen
class Remains:
    """What there is of one trial when its child is gone."""

    ending: Ending
    account: Account | None
    record: Path
    printed: str = ""
    stacks: str = ""
    seconds: float = 0.0

    @property
    def ended_well(self) -> bool:
        """Whether there is nothing to explain: a complete result and nothing wrong in it."""
        account = self.account
        return (
            self.ending == Ending(End.EXITED)
            and account is not None
            and not account.raised
            and account.setup is None
            and account.check is None
            and account.gil is None
            and account.fault is None
        )


def gather(plan: Plan, remains: Remains, texts: Texts = ()) -> Evidence:
    """Put the evidence together."""
    reading = read_summary(remains.record)
    if not remains.ended_well or reading.losses or reading.breaches:
        reading = read_record(remains.record)
    account = remains.account or Account()
    letters = account.calls or tuple(_letters(plan, reading.lanes))
    return Evidence(
        ending=remains.ending,
        rounds=account.rounds or _rounds(reading),
        setup=account.setup,
        check=account.check,
        calls=tuple(_calls(plan.program, letters, account, texts)),
        crash=reading.crash,
        losses=reading.losses,
        breaches=reading.breaches,
        events=reading.events,
        sites=reading.sites,
        control=_control(plan, reading, remains.record),
        gil_culprit=account.gil,
        stacks=remains.stacks,
        stderr="" if remains.ended_well else printable(remains.printed),
        fault=account.fault or _own_fault(remains),
        strangers=reading.strangers,
        seconds=remains.seconds,
        complete=remains.account is not None,
    )


def _control(plan: Plan, reading: Reading, record: Path) -> Control | None:
    """What was observed of the plan's schedule: nothing, when the child did not come that far."""
    if plan.schedule is None:
        return None
    control = reading.control or Control()
    return evolve(
        control,
        steps=control.steps or read_steps(record),
        divergence=left_course(plan.schedule, control, reading.departure),
    )


def printable(text: str) -> str:
    """The end of `text`, with everything escaped that a terminal could take for a command."""
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1]
        for sign in text[-MOST_PRINTED:]
    )


def _letters(plan: Plan, lanes: Sequence[Lane]) -> Iterator[str]:
    """How far each call came, from the record: without a result nobody knows what it raised."""
    for thread, calls in enumerate(plan.program):
        lane = lanes[thread] if thread < len(lanes) else Lane(-1, 0, 0)
        done = min(max(lane.finished, 0), len(calls))
        rest = len(calls) - done
        running = "u" if rest and lane.call == done else ""
        yield "r" * done + running + "-" * (rest - len(running))


def _rounds(reading: Reading) -> int:
    """Rounds begun: the number of the last one, if anybody took part in it."""
    return reading.round + 1 if any(lane.events for lane in reading.lanes) else reading.round


def _calls(
    program: Sequence[Sequence[Call]], letters: Sequence[str], account: Account, texts: Texts
) -> Iterator[tuple[CallResult, ...]]:
    plain = _Plain()
    for thread, calls in enumerate(program):
        ops = [call.op for call in calls]
        results = list(map(plain.__getitem__, zip(ops, letters[thread], strict=True)))
        if texts:
            results = [evolve(each, shown=texts[thread][i]) for i, each in enumerate(results)]
        for (raising, index), raised in account.raised.items():
            if raising == thread and index < len(results):
                results[index] = evolve(results[index], raised=raised)
        yield tuple(results)


class _Plain(dict[tuple[str, str], CallResult]):
    """Results without text, made once each: a thousand calls are a handful of different values."""

    def __missing__(self, key: tuple[str, str]) -> CallResult:
        op, letter = key
        self[key] = result = CallResult(op, STATUSES[letter])
        return result


def _own_fault(remains: Remains) -> str | None:
    if remains.account is not None:
        return None
    _, mark, text = remains.printed.rpartition(OWN_FAULT)
    return printable(mark + text) if mark else None
