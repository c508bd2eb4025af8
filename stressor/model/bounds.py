"""Bounds of the values of a plan: what no trial could carry out, or what no honest plan contains.

Types are the codec's business; this is about values of the right type, whoever made them: a
stranger's corpus file, a command line, a strategy. The numbers are far above what is useful and far
below what would hurt: 64 threads, one minute for one pause. Text is whatever a path or a name may be,
line ends included: who shows it makes it harmless.
"""

import math
import re
from collections.abc import Iterable

from stressor.model.monitors import LAW_NAMES
from stressor.model.plan import (
    ANY_STEP,
    Action,
    Call,
    Limits,
    Plan,
    Rule,
    Schedule,
    Spec,
    Switch,
)

MOST_THREADS = 64
MOST_CALLS = 100_000
MOST_ENTROPY_DIGITS = 1 << 17
MOST_GIVEN_CHARACTERS = 1 << 16
MOST_RULES = 4096
MOST_SWITCHES = 1 << 14  # what the shim has room for
MOST_STEP = (1 << 63) - 1
MOST_ROUNDS = 10_000_000
MOST_VISIT = (1 << 32) - 1
MOST_PAUSE_NS = 60_000_000_000
MOST_SEED = (1 << 64) - 1
MOST_NUMBERS = 64
MOST_MODULES = 256
MOST_MEMORY_MB = 1 << 24
NAME_CHARACTERS = 1000
SITE_CHARACTERS = 2000
PATH_CHARACTERS = 4096

_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
_HEX_BYTES = re.compile(r"(?:[0-9a-f]{2})*\Z")
TRACE = re.compile(r"(?:[0-9a-f]{16})?\Z")
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*\Z")


class OutOfBoundsError(ValueError):
    """One value of a plan is impossible; `field` is its path, "rules[2].chance"."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def check_plan(plan: Plan) -> None:
    """Raise `OutOfBoundsError` for the first value of `plan` that is impossible."""
    _text("target", plan.target, PATH_CHARACTERS)
    _number("seed", plan.seed, 0, MOST_SEED)
    _number("rounds", plan.rounds, 1, MOST_ROUNDS)
    _count("program", plan.program, 1, MOST_THREADS, "threads")
    _number("program", plan.calls, 0, MOST_CALLS, "calls")
    for thread, calls in enumerate(plan.program):
        for index, call in enumerate(calls):
            _check_call(f"program[{thread}][{index}]", call)
    _count("rules", plan.rules, 0, MOST_RULES, "rules")
    for index, rule in enumerate(plan.rules):
        _check_rule(f"rules[{index}]", rule)
    if plan.schedule is not None:
        _check_schedule(plan, plan.schedule)
    if plan.home is not None:
        _number("home", plan.home, 0, plan.threads - 1)
    _count("modules", plan.modules, 0, MOST_MODULES, "globs")
    for index, glob in enumerate(plan.modules):
        _text(f"modules[{index}]", glob, PATH_CHARACTERS)
    _count("runtime", plan.runtime, 0, MOST_MODULES, "globs")
    for index, glob in enumerate(plan.runtime):
        _text(f"runtime[{index}]", glob, NAME_CHARACTERS)
    _check_monitors(plan.monitors)
    _check_spec("strategy", plan.strategy)
    _check_limits(plan.limits)


def _check_monitors(names: tuple[str, ...]) -> None:
    for index, name in enumerate(names):
        if name not in LAW_NAMES:
            known = ", ".join(LAW_NAMES)
            raise OutOfBoundsError(f"monitors[{index}]", f"must be one of {known}: {name[:80]!r}")
    if names != tuple(each for each in LAW_NAMES if each in names):
        raise OutOfBoundsError("monitors", f"must be in this order, each once: {LAW_NAMES}")


def _check_call(field: str, call: Call) -> None:
    _text(f"{field}.op", call.op, NAME_CHARACTERS)
    if len(call.entropy) > MOST_ENTROPY_DIGITS or not _HEX_BYTES.match(call.entropy):
        raise OutOfBoundsError(
            f"{field}.entropy",
            f"must be at most {MOST_ENTROPY_DIGITS} lower-case hexadecimal digits, two a byte",
        )
    if call.given:
        _text(f"{field}.given", call.given, MOST_GIVEN_CHARACTERS)


def _check_rule(field: str, rule: Rule) -> None:
    _text(f"{field}.site", rule.site, SITE_CHARACTERS)
    _thread_and_visit(field, rule.thread, rule.visit)
    _number(f"{field}.chance", rule.chance, 0.0, 1.0)
    _number(f"{field}.most_ns", rule.most_ns, 0, MOST_PAUSE_NS)
    if not 0 <= rule.least_ns <= rule.most_ns:
        raise OutOfBoundsError(
            f"{field}.least_ns", f"must be between 0 and most_ns ({rule.most_ns}): {rule.least_ns}"
        )
    if (rule.until is None) is (rule.action is Action.HOLD):
        raise OutOfBoundsError(
            f"{field}.until",
            "a hold, and only a hold, says until when: one has it, the other has not",
        )
    if rule.until is not None:
        _text(f"{field}.until.site", rule.until.site, SITE_CHARACTERS)
        _thread_and_visit(f"{field}.until", rule.until.thread, rule.until.visit)


def _check_schedule(plan: Plan, schedule: Schedule) -> None:
    if plan.rules:
        raise OutOfBoundsError(
            "schedule",
            "a plan has rules or a schedule, not both: rules delay threads that run in parallel, "
            "a schedule lets one of them run at a time",
        )
    _check_spec("schedule.then", schedule.then)
    if not _WORD.match(schedule.then.name):
        raise OutOfBoundsError(
            "schedule.then.name", f"must be a scheduler's name: {schedule.then.name[:80]!r}"
        )
    if not TRACE.match(schedule.trace):
        raise OutOfBoundsError(
            "schedule.trace", "must be empty or 16 lower-case hexadecimal digits"
        )
    _count("schedule.switches", schedule.switches, 0, MOST_SWITCHES, "switches")
    steps: set[int] = set()
    for index, switch in enumerate(schedule.switches):
        _check_switch(f"schedule.switches[{index}]", switch, plan.threads)
        if switch.step != ANY_STEP and switch.step in steps:
            raise OutOfBoundsError(
                f"schedule.switches[{index}].step", f"there is another switch at step {switch.step}"
            )
        steps.add(switch.step)


def _check_switch(field: str, switch: Switch, threads: int) -> None:
    """At the round's beginning and at a thread's end there is no visit: then `site` is empty.

    Only at the beginning there is no thread either.
    """
    at_visit = switch.site != ""
    if at_visit:
        _text(f"{field}.site", switch.site, SITE_CHARACTERS)
    _number(f"{field}.thread", switch.thread, 0 if at_visit else -1, threads - 1)
    _number(f"{field}.visit", switch.visit, *((1, MOST_VISIT) if at_visit else (0, 0)))
    _number(f"{field}.to", switch.to, 0, threads - 1)
    _number(f"{field}.step", switch.step, ANY_STEP, MOST_STEP)


def _thread_and_visit(field: str, thread: int | None, visit: int | None) -> None:
    if thread is not None:
        _number(f"{field}.thread", thread, 0, MOST_THREADS - 1)
    if visit is not None:
        _number(f"{field}.visit", visit, 1, MOST_VISIT)


def _check_spec(field: str, spec: Spec) -> None:
    _text(f"{field}.name", spec.name, NAME_CHARACTERS)
    _count(f"{field}.numbers", spec.numbers, 0, MOST_NUMBERS, "numbers")
    for name, value in spec.numbers.items():
        _text(f"{field}.numbers", name, NAME_CHARACTERS)
        if not math.isfinite(value):
            raise OutOfBoundsError(f"{field}.numbers[{name}]", f"must be finite: {value}")


def _check_limits(limits: Limits) -> None:
    _number("limits.seconds", limits.seconds, 0.001, 86_400.0)
    _number("limits.memory_mb", limits.memory_mb, 1, MOST_MEMORY_MB)


def _number(field: str, value: float, least: float, most: float, what: str = "") -> None:
    # Written so that a NaN, which compares false with everything, is refused too.
    if not least <= value <= most:
        raise OutOfBoundsError(
            field, f"must be between {least} and {most}{what and ' ' + what}: {value}"
        )


def _count(field: str, values: Iterable[object], least: int, most: int, what: str) -> None:
    _number(field, len(tuple(values)), least, most, what)


def _text(field: str, text: str, most: int) -> None:
    if not 0 < len(text) <= most:
        raise OutOfBoundsError(field, f"must have 1 to {most} characters: {len(text)}")
    if _NO_TEXT.search(text):
        raise OutOfBoundsError(field, f"must be Unicode text without NUL: {text[:80]!r}")
