"""What happened, in a few sentences: who used what, and who broke it meanwhile.

A pure function of the trial, which claims what was seen and nothing else: what only the order of
visits suggests is said to be probable, and what is not known is left out. Decides which two visits
matter most: the one that broke something, and the last use of it. Deadlocks are the oracle's to tell.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import inf

from stressor.model.evidence import CallStatus, Crash
from stressor.model.outcome import OUTSIDE, Failure, FailureKind
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.report.borrowed import borrow
from stressor.report.frames import named_function, site_of
from stressor.report.history import Made, Visited, calls_made, history, result_of
from stressor.report.illegal import illegal
from stressor.report.story import BROKE, LAST_USE, STOOD, Explanation, Story
from stressor.report.words import Sites, ordinal

MOST_OVERLAPS = 3
MOST_CALLS = 200
"""How many of the last calls are compared with each other."""


def explain(trial: Trial, sites: Sites) -> Explanation:
    """Explain the worst failure; empty when nothing is known that the failure does not say itself."""
    if not trial.outcome.failures:
        return Explanation()
    failure = trial.outcome.failures[0]
    visits = history(trial.evidence)
    story = Story(trial, sites, visits, calls_made(visits))
    told = _CASES.get(failure.signature.kind)
    return told(story, failure) if told is not None else Explanation()


# ---- crashes -------------------------------------------------------------------------------------


def _crash(story: Story, failure: Failure) -> Explanation:
    crash = story.evidence.crash
    if crash is None or crash.thread < 0:
        return Explanation()
    own = [at for at, visit in enumerate(story.visits) if visit.thread == crash.thread]
    last_call = story.around(own[-1], crash.thread) if own else None
    running = last_call if last_call is not None and last_call.end == inf else None
    when = _when_crashed(story, failure, last_call)
    crashed = f"Thread {crash.thread} crashed{when}{_crashed_at(story, crash)}."
    # Without a place in the target or below it, the damage was only found here.
    found_only = failure.signature.where.startswith("op ")
    last = story.visits[own[-1]] if own and not found_only else None
    # What was over before this call began cannot have raced with it.
    during = story.visits[running.begin :] if running is not None else ()
    broke = _other_on_same(during, last)
    mark = _mark_of_crash(last, site_of(crash.frames, story.sites))
    if last is None:
        return Explanation((crashed, *_meanwhile(story, crash.thread)))
    if broke is not None:
        shared = (
            f"Before that, thread {broke.thread} was at {story.site(broke.site)} with the same "
            f"object as thread {last.thread} at {story.site(last.site)}: that probably broke it."
        )
        return Explanation((crashed, shared), {broke: f"probably {BROKE}", last: mark})
    stood = _last_gap(story.visits, own)
    if stood is None:
        return Explanation((crashed, *_meanwhile(story, crash.thread)), {last: mark})
    return Explanation((crashed, _gap_sentence(story, stood)), {stood[0]: STOOD, last: mark})


def _when_crashed(story: Story, failure: Failure, last_call: Made | None) -> str:
    """In its running call, or outside: what a call leaves is released when it is over."""
    if last_call is not None:
        is_over = last_call.end < inf
        return f"{' outside its operations, after' if is_over else ' in'} {story.call(last_call)}"
    return " outside its operations" if failure.signature.where == OUTSIDE else ""


def _mark_of_crash(last: Visited | None, site: str | None) -> str:
    """A visit that the crash is in, or one that was over before."""
    within = last is not None and last.phase is Phase.BEFORE and last.site == site
    return f"{LAST_USE}, crashed" if within else "last visit"


def _crashed_at(story: Story, crash: Crash) -> str:
    site = site_of(crash.frames, story.sites)
    if site is not None:
        return f" below {story.site(site)}"
    function = named_function(crash.frames)
    return f", in {function}" if function else ""


def _other_on_same(visits: Sequence[Visited], last: Visited | None) -> Visited | None:
    """The latest visit of another thread with the object that `last` was about."""
    if last is None or not last.obj:
        return None
    others = (v for v in reversed(visits) if v.obj == last.obj and v.thread != last.thread)
    return next(others, None)


type _Gap = tuple[Visited, Sequence[Visited]]
"""A visit, and what other threads visited until its thread went on."""


def _last_gap(visits: Sequence[Visited], own: Sequence[int]) -> _Gap | None:
    """The last place where a thread stood inside of its last call while others went on."""
    for before, after in reversed(list(pairwise(own))):
        stood, between = visits[before], visits[before + 1 : after]
        if stood.call != visits[own[-1]].call or stood.is_operation:
            return None
        if between:
            return stood, between
    return None


def _gap_sentence(story: Story, gap: _Gap) -> str:
    stood, between = gap
    moved = []
    for thread in sorted({visit.thread for visit in between}):
        own = [visit for visit in between if visit.thread == thread]
        first, last = story.point(own[0]), story.point(own[-1])
        way = f"{first} and last seen {last}" if len(own) > 1 else first
        moved.append(f"thread {thread} went on, seen {way}")
    where = f"{story.point(stood)} ({ordinal(stood.visit)} visit)"
    return f"While it stood {where}, {' and '.join(moved)}."


def _meanwhile(story: Story, thread: int) -> Iterator[str]:
    """What calls the other threads were in at the end."""
    last: dict[int, int] = {v.thread: at for at, v in enumerate(story.visits)}
    for other, at in sorted(last.items()):
        running = story.around(at, other) if other != thread else None
        if running is not None and running.end > len(story.visits):
            visit = story.visits[at]
            yield (f"Thread {other} was in {story.call(running)}, last seen {story.point(visit)}.")


# ---- wrong results and exceptions ----------------------------------------------------------------


def _wrong(story: Story, failure: Failure) -> Explanation:
    failed = _failed_call(story, failure)
    between = _in_between(story, failed)
    if between is not None:
        return between
    recent = story.calls[-MOST_CALLS:]
    pairs = [
        (one, other)
        for index, one in enumerate(recent)
        for other in recent[index + 1 :]
        if one.overlaps(other) and (failed is None or failed in (one, other))
    ]
    # What overlapped last is nearest to the failure.
    told = dict.fromkeys(
        f"{story.call(one)} of thread {one.thread} and {story.call(other)} of thread "
        f"{other.thread} ran at the same time."
        for one, other in reversed(pairs)
    )
    return Explanation(tuple(list(told)[:MOST_OVERLAPS]))


def _failed_call(story: Story, failure: Failure) -> Made | None:
    """The call that raised or gave the wrong result; None when it was the check."""
    statuses = (CallStatus.RAISED,)
    for call in story.calls:
        result = result_of(story.evidence, call)
        if call.thread == failure.thread and result is not None and result.status in statuses:
            return call
    return None


def _in_between(story: Story, failed: Made | None) -> Explanation | None:
    """A whole call of one thread between two visits of another thread's call: the last such."""
    recent = story.calls[-MOST_CALLS:]
    for inner in reversed(recent):
        for outer in reversed(recent):
            if failed not in (None, inner, outer) or not _contains(outer, inner):
                continue
            stood = [
                visit
                for visit in story.visits[outer.begin : inner.begin]
                if visit.thread == outer.thread
            ]
            during = story.visits[inner.begin : int(inner.end)]
            # At its call's begin it had not done anything yet.
            inside = bool(stood) and not stood[-1].is_operation
            if inside and all(visit.thread != outer.thread for visit in during):
                return _interrupted(story, outer, inner, stood[-1])
    return None


def _contains(outer: Made, inner: Made) -> bool:
    return outer.thread != inner.thread and outer.begin < inner.begin <= inner.end < outer.end


def _interrupted(story: Story, outer: Made, inner: Made, stood: Visited) -> Explanation:
    where = f"{story.point(stood)} ({ordinal(stood.visit)} visit)"
    sentence = (
        f"While thread {outer.thread} was in {story.call(outer)}, {where}, thread {inner.thread} "
        f"made the whole call {story.call(inner)}: that probably changed what thread "
        f"{outer.thread} went on with."
    )
    marks = {stood: STOOD, _telling(story, inner): f"probably {BROKE}"}
    return Explanation((sentence,), marks)


def _telling(story: Story, call: Made) -> Visited:
    """The visit that stands for a call: its last one inside, else its end."""
    inside = [v for v in story.visits[call.begin : int(call.end)] if v.thread == call.thread]
    return inside[-1]


# ---- deadlocks -----------------------------------------------------------------------------------


def _hang(story: Story, _: Failure) -> Explanation:
    control = story.evidence.control
    if control is None or not control.deadlock:
        return Explanation()
    waits = [
        f"thread {wait.thread} at {story.site(wait.site)} ({ordinal(wait.visit)} visit)"
        for wait in control.deadlock
    ]
    return Explanation((f"Nobody can ever go on. There waits: {'; '.join(waits)}.",))


_CASES: dict[FailureKind, Callable[[Story, Failure], Explanation]] = {
    FailureKind.BORROW: borrow,
    FailureKind.CRASH: _crash,
    FailureKind.ILLEGAL: illegal,
    FailureKind.HANG: _hang,
    FailureKind.EXCEPTION: _wrong,
    FailureKind.INVARIANT: _wrong,
}
