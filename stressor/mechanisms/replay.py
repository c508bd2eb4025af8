"""Running a schedule again: to take notes of what it breaks, and to see that it does the same.

Every finding is made here, from a second run of its schedule on a fresh model. So a model that is not
a function of its schedule is found out before anything is said about the mechanism.
"""

from collections import Counter
from collections.abc import Sequence
from traceback import extract_tb

from stressor.errors import UsageError
from stressor.mechanisms.base import FaultyModelError, Mechanism
from stressor.mechanisms.choosers import Follow, Walk
from stressor.mechanisms.finding import Finding, Taken
from stressor.mechanisms.notes import Notes, comes_round, followed
from stressor.mechanisms.running import Crew, EndlessError, Makes, Ran, run
from stressor.mechanisms.state import Frozen, Shelf

REHEARSALS = 5


def told(makes: Makes, schedule: Sequence[int]) -> Finding | None:
    """Run a schedule (thread numbers), see `Follow`, and tell what it breaks; None when nothing."""
    try:
        notes, ran = followed(makes, schedule)
    except EndlessError:
        if (finding := comes_round(makes, schedule)) is None:
            raise
        return finding
    return notes.finding(ran.broken) if ran.broken is not None else None


def retold(makes: Makes, schedule: Sequence[int]) -> tuple[tuple[Taken, ...], Finding | None]:
    """Run a schedule (thread numbers), see `Follow`: the steps, and what they break, if anything."""
    finding = told(makes, schedule)
    if finding is not None:
        return finding.steps, finding
    notes, _ = followed(makes, schedule)
    return tuple(notes.steps), None


def confirmed(makes: Makes, ran: Ran) -> Finding:
    """The finding of a run that broke something. Raises `FaultyModelError` if it does not come again."""
    finding = told(makes, ran.schedule)
    if finding is None or finding.broken != ran.broken or len(finding.steps) != len(ran.schedule):
        raise _differs(makes(), len(ran.schedule))
    return finding


def confirmed_endless(makes: Makes, schedule: Sequence[int]) -> Finding:
    """The finding of a schedule that leads to where no other one ends, and once round from there.

    Raises `EndlessError` when the model has a loop that neither waits nor gives way.
    """
    finding = told(makes, schedule)
    if finding is None or len(finding.steps) != len(schedule):
        raise _differs(makes(), len(schedule))
    return finding


def replayed(makes: Makes, schedule: Sequence[str]) -> Finding | None:
    """Run a schedule of thread names exactly. Raises `UsageError` when it is not one of this model."""
    names = Crew(makes()).names
    if unknown := sorted(set(schedule) - set(names)):
        raise UsageError(f"no thread {unknown[0]!r} in this model: it has {', '.join(names)}.")
    numbers = [names.index(each) for each in schedule]
    finding = told(makes, numbers)
    went = finding.run.schedule if finding else _went(makes, numbers)
    if went != tuple(schedule):
        raise UsageError("the schedule is not one of this model: it went another way.")
    return finding


def _went(makes: Makes, schedule: Sequence[int]) -> tuple[str, ...]:
    notes, _ = followed(makes, schedule)
    return tuple(each.thread for each in notes.steps)


def rehearse(makes: Makes) -> tuple[int, ...]:
    """See that a model keeps the rules; returns how many steps each thread took, on average.

    Raises `FaultyModelError`: the state is not made of values, a thread touches it before its first
    yield, an invariant does not hold at the start, or the same schedule goes two ways.
    """
    _require_begin(makes)
    runs = [_rehearsed(makes, seed) for seed in range(REHEARSALS)]
    names = Crew(makes()).names
    counts = Counter(each.thread for steps in runs for each in steps)
    if not counts:
        raise _fault(makes(), "no thread takes a step with these sizes")
    return tuple(round(counts[name] / REHEARSALS) for name in names)


def _require_begin(makes: Makes) -> None:
    """See that there is a model, with threads and invariants that can be asked."""
    doing = "making it"
    try:
        model = makes()
        doing = "its threads"
        Crew(model)
        for each in model.invariants:
            doing = f"invariant {each.key}"
            if not each.at_end:
                each.holds(model)
    except FaultyModelError:
        raise
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        raise FaultyModelError(
            f"the model is faulty: {doing} raised {type(error).__name__}: {error}"
            f" ({last.filename}:{last.lineno}). This says nothing about the mechanism; mend the model."
        ) from None


def seen_steps(makes: Makes) -> dict[str, list[str]]:
    """The steps that each thread was seen to take in a few runs, in the order of the first time."""
    found: dict[str, list[str]] = {name: [] for name in Crew(makes()).names}
    for seed in range(10 * REHEARSALS):
        for each in _rehearsed(makes, seed):
            if each.step not in found[each.thread]:
                found[each.thread].append(each.step)
    return found


def _rehearsed(makes: Makes, seed: int) -> list[Taken]:
    model, again = makes(), makes()
    begin = _begun(model)
    crew, other = Crew(model), Crew(again)
    if Shelf(model).take() != begin:
        raise _fault(model, "a thread changes the state before its first yield")
    first = Notes(model, crew, Walk(seed))
    ran = run(model, first, crew=crew)
    second = Notes(again, other, Follow(ran.schedule))
    same = run(again, second, crew=other)
    if (first.steps, first.states, ran) != (second.steps, second.states, same):
        raise _differs(model, _parting(first, second))
    return first.steps


def _begun(model: Mechanism) -> Frozen:
    """The state at the start, when it is one."""
    try:
        shelf = Shelf(model)
        begin = shelf.take()
        shelf.put(begin)
        if shelf.take() != begin:
            raise FaultyModelError("the state is not the same after it was put back")
    except FaultyModelError as error:
        raise _fault(model, error.message) from None
    for each in model.invariants:
        if not each.at_end and not each.holds(model):
            raise _fault(model, f"{each.key} does not hold before any thread has run")
    if shelf.take() != begin:
        raise _fault(model, "an invariant changes the state: it may only read")
    return begin


def _parting(first: Notes, second: Notes) -> int:
    """The step at which two runs of one schedule part."""
    pairs = zip(
        zip(first.steps, first.states, strict=True),
        zip(second.steps, second.states, strict=True),
        strict=False,
    )
    return next((number for number, (one, two) in enumerate(pairs) if one != two), len(first.steps))


def _differs(model: Mechanism, step: int) -> FaultyModelError:
    return _fault(
        model,
        f"the same schedule went two ways, at step {step}: its steps must depend on nothing but"
        " the state",
    )


def _fault(model: Mechanism, problem: str) -> FaultyModelError:
    return FaultyModelError(
        f"the model {model.name} is faulty: {problem}. This says nothing about the mechanism; mend"
        " the model."
    )
