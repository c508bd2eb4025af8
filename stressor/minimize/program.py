"""Passes over the program: fewer threads, fewer calls, simpler arguments.

Each pass proposes cheaper plans to the search until none is taken. Loops go on at the same index
after a success, since the index then names the next thing.
"""

from collections.abc import Callable, Iterator

from attrs import evolve

from stressor.minimize.edits import with_call, without_calls, without_thread
from stressor.minimize.search import Search
from stressor.model.evidence import CallStatus, Evidence
from stressor.model.plan import Call, Plan
from stressor.model.trial import Trial


def drop_threads(search: Search) -> None:
    """Leave out whole threads, last first; down to one, which would show that it is no race."""
    search.begin("leaving out threads")
    thread = search.best.plan.threads - 1
    while thread >= 0 and search.best.plan.threads > 1:
        search.consider(without_thread(search.best.plan, thread))
        thread -= 1


def drop_calls(search: Search) -> None:
    """Leave out calls: what never began, then all but the last that did, then chunks."""
    search.begin("leaving out calls")
    for least in (_from_the_first, _from_the_last):
        search.consider(_keeping(search.best, least))
    for thread in range(search.best.plan.threads):
        _drop_chunks(search, thread)


def simplify_arguments(search: Search) -> None:
    """Give calls less entropy to make arguments from; all at once first, then one by one."""
    search.begin("simplifying arguments")
    plan = search.best.plan
    simplest = tuple(tuple(evolve(call, entropy="") for call in calls) for calls in plan.program)
    if search.consider(evolve(plan, program=simplest)):
        return
    for thread in range(plan.threads):
        for index in range(len(plan.program[thread])):
            _simplify_call(search, thread, index)


def _keeping(trial: Trial, least: Callable[[int], int]) -> Plan:
    """The plan without calls that never began, and of the begun ones only those from `least` on."""
    for thread, calls in enumerate(trial.plan.program):
        begun = min(_begun(trial.evidence, thread) or len(calls), len(calls))
        gone = set(range(len(calls))) - set(range(least(begun), begun))
        trial = evolve(trial, plan=without_calls(trial, thread, gone))
    return trial.plan


def _from_the_first(begun: int) -> int:
    return 0


def _from_the_last(begun: int) -> int:
    return begun - 1


def _begun(evidence: Evidence, thread: int) -> int:
    """How many calls of a thread began; 0 when a crash left neither results nor events of it."""
    if thread < len(evidence.calls):
        results = evidence.calls[thread]
        return sum(result.status is not CallStatus.NOT_STARTED for result in results)
    if thread < len(evidence.events):
        return 1 + max((event.call for event in evidence.events[thread]), default=-1)
    return 0


def _drop_chunks(search: Search, thread: int) -> None:
    """Halves, quarters, ... single calls; every thread keeps one."""
    size = len(search.best.plan.program[thread]) // 2
    while size >= 1:
        start = 0
        while (length := len(search.best.plan.program[thread])) > size and start < length:
            gone = range(start, min(start + size, length))
            if not search.consider(without_calls(search.best, thread, gone)):
                start += size
        size //= 2


def _simplify_call(search: Search, thread: int, index: int) -> None:
    for entropy in _simpler(search.best.plan.program[thread][index].entropy):
        call = search.best.plan.program[thread][index]
        simpler = Call(call.op, entropy)
        if search.consider(with_call(search.best.plan, thread, index, simpler)):
            return


def _simpler(entropy: str) -> Iterator[str]:
    """Shorter first, then zeros of the same length; an even number of hex digits each."""
    data = bytes.fromhex(entropy)
    for length in (0, 1, len(data) // 4, len(data) // 2):
        if length < len(data):
            yield data[:length].hex()
    yield bytes(len(data)).hex()
