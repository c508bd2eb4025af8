"""The only importer of the native shim: turns the model's words into the shim's numbers and back.

Kinds, categories, phases and actions are numbered as `stressor.model` orders them, which a test
holds together with `native/include/stressor/gate.h`.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from attrs import frozen

from stressor import _shim
from stressor.model.monitors import LAW_NAMES
from stressor.model.plan import ANY_STEP, ANYWHERE, Action, Plan, Rule, Schedule, Switch
from stressor.model.site import Category, Kind, Phase, key_hash
from stressor.runtime.wire import decode
from stressor.targets import Operation

ANY = -1
CERTAIN = 1 << 32  # the shim draws a chance against 32 random bits
MOST_NS = 1_000_000_000  # the longest delay the shim accepts

SELECT_ANY, SELECT_KEY, SELECT_CATEGORY, SELECT_KIND = range(4)


_NUMBERS: dict[Enum, int] = {
    member: number
    for words in (Kind, Category, Phase, Action)
    for number, member in enumerate(words)
}


@frozen
class Coverage:
    """What of one module is instrumented: slots by category, or why none can be."""

    module: str
    path: str
    slots: dict[str, int]
    reason: str = ""


def instrument(globs: Sequence[str]) -> tuple[Coverage, ...]:
    """Put the shim between the matching modules and what they call; nothing acts before `arm`."""
    slots, uncovered = _shim.instrument(list(globs))
    categories = list(Category)
    counts: dict[tuple[str, str], Counter[str]] = {}
    for slot in slots:
        count = counts.setdefault((slot["module"], slot["path"]), Counter())
        count[categories[slot["category"]].value] += slot["count"]
    covered = [Coverage(module, path, dict(count)) for (module, path), count in counts.items()]
    missing = [Coverage(each["module"], each["path"], {}, each["reason"]) for each in uncovered]
    return (*covered, *missing)


class NotRedirected(Exception):
    """Nothing inside the interpreter was changed; the message is why."""


def redirect(orders: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Lead the interpreter's own calls that the file names through the shim, all or none of them.

    Returns how many there are of each function, and what was not asked of the shim, with the reasons.
    Raises `NotRedirected`. The process has one thread.
    """
    wanted = decode(orders.read_bytes())
    functions = [tuple(each) for each in wanted["functions"]]
    if why := _shim.redirectable() or _shim.redirect(wanted["build_id"], functions):
        raise NotRedirected(why)
    counts: Counter[str] = Counter()
    for name, _, ends in functions:
        counts[name] += len(ends)
    return dict(counts), wanted["refused"]


def unsupported() -> str:
    """Why nothing can be instrumented here; empty when it can."""
    return _shim.supported()


def die_with_parent(parent: int) -> None:
    """Be killed when process `parent` dies; ends this one when it is dead already."""
    _shim.die_with_parent()
    if os.getppid() != parent:
        os._exit(70)


class MonitorsRefusedError(Exception):
    """The shim cannot watch the laws of this interpreter."""


class UnknownSchedulerError(Exception):
    """The plan's scheduler, or one of its numbers, is none that this shim knows."""


class Session:
    """The shim in force in this process, with its record in a file. Once per process, by its owner.

    Raises `OSError` when the record cannot be made, `UnknownSchedulerError`, `MonitorsRefusedError`.
    """

    def __init__(self, record: Path, operations: Iterable[Operation], plan: Plan) -> None:
        _shim.open_record(str(record))
        _shim.handle_crashes()
        rules = [rule_numbers(rule) for rule in plan.rules]
        hooks = any(_names_hooks(rule.site) for rule in plan.rules)
        if plan.schedule is not None:
            _take_turns(plan.schedule)
            hooks = plan.schedule.hooks
        monitors = monitor_bits(plan.monitors)
        try:
            _shim.arm(plan.seed, plan.threads, rules, plan.ledger, hooks, monitors=monitors)
        except RuntimeError as error:
            raise MonitorsRefusedError(str(error)) from None
        _shim.declare_operations([each.name for each in operations])  # arming forgets all sites

    def begin_round(self, number: int) -> None:
        """Forget the visits of the round before. No worker may run."""
        _shim.begin_round(number)

    def has_finding(self) -> bool:
        """Whether the borrow ledger or a monitor has a finding. No worker may run."""
        return _shim.used_losses() > 0 or _shim.breaches() > 0

    def close(self) -> None:
        """Stop acting. The record stays as it is."""
        _shim.disarm()


# For workers, under their own names: one lookup less around every call that is measured.
enter, leave = _shim.enter, _shim.leave
barrier_reset, barrier_wait = _shim.barrier_reset, _shim.barrier_wait
run_round, turn_enter = _shim.run_round, _shim.turn_enter
operation_begin, operation_end = _shim.operation_begin, _shim.operation_end
disable_randomization = _shim.disable_randomization

# For models of mechanisms, which Python schedules with the same schedulers.
Scheduler, schedulers = _shim.Scheduler, _shim.schedulers

# For `survey`, which tells of every slot by itself.
catalogue, rewrite_slots, restore_slots = _shim.catalogue, _shim.instrument, _shim.restore


def _take_turns(schedule: Schedule) -> None:
    usual = dict(dict(_shim.schedulers()).get(schedule.then.name, ()))
    unknown = schedule.then.numbers.keys() - usual.keys()
    if usual and unknown:
        raise UnknownSchedulerError(
            f"the scheduler {schedule.then.name} has no number {min(unknown)!r}"
        )
    numbers = [int(schedule.then.numbers.get(name, value)) for name, value in usual.items()]
    # Choices with a step first, as they come up.
    ordered = sorted(schedule.switches, key=lambda each: (each.step == ANY_STEP, each.step))
    try:
        _shim.control(schedule.then.name, numbers, list(map(switch_numbers, ordered)))
    except ValueError as error:
        raise UnknownSchedulerError(str(error)) from None


def switch_numbers(switch: Switch) -> tuple[int, int, int, int, int, int]:
    """The six numbers of a switch, in the shim's order."""
    site = key_hash(switch.site) if switch.site else 0
    phase = _NUMBERS[switch.phase]
    return switch.step, switch.thread, site, switch.visit, phase, switch.to


def monitor_bits(names: Iterable[str]) -> int:
    """The shim's bits of monitors, from their names."""
    return sum(1 << LAW_NAMES.index(name) for name in names)


def rule_numbers(rule: Rule) -> tuple[int, ...]:
    """The thirteen numbers of a rule, in the shim's order."""
    until = rule.until
    return (
        *_selector(rule.site),
        ANY if rule.phase is None else _NUMBERS[rule.phase],
        ANY if rule.thread is None else rule.thread,
        ANY if rule.visit is None else rule.visit,
        round(min(max(rule.chance, 0.0), 1.0) * CERTAIN),
        _NUMBERS[rule.action],
        min(rule.least_ns, MOST_NS),
        min(rule.most_ns, MOST_NS),
        ANY if until is None else until.thread,
        ANY if until is None else key_hash(until.site),
        ANY if until is None else until.visit,
        ANY if until is None else _NUMBERS[until.phase],
    )


def _selector(site: str) -> tuple[int, int]:
    if site == ANYWHERE:
        return SELECT_ANY, ANY
    word, _, name = site.partition(":")
    if word == "category":
        return SELECT_CATEGORY, _NUMBERS[Category(name)]
    if word == "kind":
        return SELECT_KIND, _NUMBERS[Kind(name)]
    return SELECT_KEY, key_hash(site)


def _names_hooks(site: str) -> bool:
    """Hooks cost something at every allocation, so they are on only when a rule names them."""
    return site == f"kind:{Kind.HOOK.value}" or site.startswith(f"{Kind.HOOK.value}:")
