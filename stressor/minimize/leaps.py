"""Leaps to programs that are more than an edit away: two calls, one thread less, other arguments.

Their schedules are always drawn anew (`turns`), since no switch of the old program means anything in
them. Most races need two calls; a leap there saves all the steps between.
"""

from collections.abc import Iterator
from itertools import chain, combinations, islice, permutations, product
from random import Random

from attrs import evolve

from stressor.minimize.edits import in_turns, without_thread
from stressor.minimize.search import Search
from stressor.minimize.turns import was_searched
from stressor.model.evidence import CallStatus
from stressor.model.plan import Call, Plan
from stressor.model.trial import Trial

MOST_PAIRS = 24
PAIRS_UNTIL = 0.35
"""The part of the effort after which no more pairs are tried."""

REDRAWN = 5
ENTROPY = 16
"""Arguments that are tried for each call that is left out, and their bytes."""


def try_pairs(search: Search) -> None:
    """Two calls of two threads, the pairs that came last first: most races need no more."""
    if search.best.plan.calls <= 2:
        return
    search.begin("trying pairs of calls")
    for plan in pairs(search.best):
        if search.meter.share > PAIRS_UNTIL:
            break
        if not was_searched(search, plan) and search.consider(plan):
            break


def pairs(trial: Trial) -> Iterator[Plan]:
    """The trial's plan with two calls only, in turns: each two operations, also at other homes.

    Calls collide when they speak of the same key, so both get the same arguments first. An object of
    another home is freed in another way, and may be freed later.
    """
    plan, seen = trial.plan, set[tuple[str, ...]]()
    lasts = [_last_calls(trial, thread) for thread in range(plan.threads)]
    alike: list[Plan] = []
    apart: list[Plan] = []
    for one, other in combinations(range(plan.threads), 2):
        home = {one: 0, other: 1}.get(plan.home) if plan.home is not None else None
        for first, second in product(lasts[one], lasts[other]):
            ops = tuple(sorted((first.op, second.op)))
            if ops not in seen:
                seen.add(ops)
                same = evolve(second, entropy=first.entropy) if second.entropy else second
                alike.append(evolve(plan, program=((first,), (same,)), home=home))
                apart.append(evolve(plan, program=((first,), (second,)), home=home))
    elsewhere = [evolve(each, home=home) for home in (0, 1, None) for each in alike]
    distinct = {repr(each): each for each in (*alike, *elsewhere, *apart)}
    for each in islice(distinct.values(), MOST_PAIRS):
        yield in_turns(each)


def merge_threads(search: Search) -> None:
    """Let one thread make another's calls too, before or after its own."""
    search.begin("putting the calls of two threads into one")
    done = False
    while not done and search.best.plan.threads > 2:
        program = search.best.plan.program
        done = not any(
            search.consider(in_turns(_merged(search.best.plan, one, other)))
            for one, other in permutations(range(len(program)), 2)
        )


def draw_arguments(search: Search) -> None:
    """Leave out a call where other arguments make up for it: one long text for three short ones."""
    search.begin("trying other arguments")
    while search.best.plan.calls > 2 and any(map(search.consider, _redrawn(search.best.plan))):
        pass


def _redrawn(plan: Plan) -> Iterator[Plan]:
    """Without the last call of the longest thread, and with other arguments."""
    random = Random(repr((plan.seed, plan.program)))
    longest = max(range(plan.threads), key=lambda thread: len(plan.program[thread]))
    if len(plan.program[longest]) == 1 or not any(call.entropy for call in _calls(plan)):
        return
    for _ in range(REDRAWN):
        program = [
            tuple(_with_other_arguments(call, random) for call in calls) for calls in plan.program
        ]
        program[longest] = program[longest][:-1]
        yield in_turns(evolve(plan, program=tuple(program)))


def _with_other_arguments(call: Call, random: Random) -> Call:
    return evolve(call, entropy=random.randbytes(ENTROPY).hex()) if call.entropy else call


def _calls(plan: Plan) -> Iterator[Call]:
    return chain.from_iterable(plan.program)


def _merged(plan: Plan, one: int, other: int) -> Plan:
    """Thread `one` makes the calls of `other` behind its own."""
    program = list(plan.program)
    program[one] += program[other]
    home = one if plan.home == other else plan.home
    return without_thread(evolve(plan, program=tuple(program), home=home), other)


def _last_calls(trial: Trial, thread: int) -> list[Call]:
    """Calls of a thread that began, the last first, one of each operation."""
    calls = trial.plan.program[thread]
    results = trial.evidence.calls[thread] if thread < len(trial.evidence.calls) else ()
    began = [result.status is not CallStatus.NOT_STARTED for result in results]
    kept = calls[: sum(began)] if any(began) else calls
    lasts: dict[str, Call] = {}
    for call in reversed(kept):
        lasts.setdefault(call.op, call)
    return list(lasts.values())
