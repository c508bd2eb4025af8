"""The standalone reproducer: a failing trial as one Python file, for a bug report.

Decides what is written and what is left out because it is the default. The harness comes as lines
(`excerpt`), or stays where it is. The trace of a recorded schedule is left out: it would call every
other build a divergence. A place is told by its function and its call's ordinal where they are known,
since a rebuild moves offsets. What the file calls is `stressor.reproduce`, how texts read is `notation`.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from attrs import evolve, frozen

from stressor.model.plan import ANY_STEP, Allocator, Call, Limits, Plan, Rule, Schedule, Switch
from stressor.model.site import text_without_offset
from stressor.model.trial import Trial
from stressor.report.explanation import explain
from stressor.report.notation import call_text, choice_text, spec_text, visit_text
from stressor.report.plain import plain
from stressor.report.words import Sites

MOST_LINES = 40
"""What a bug report should have. A minimized failure of a small harness fits."""

MOST_STANDALONE_LINES = 100
"""A file that stands alone may have more, up to this; a longer harness stays where it is."""

HOLD_NS = 10_000_000
"""Deadline of a pin that says none."""

THIS_FILE = "<this file>"
"""Stands for the name of the harness's file in a failure's place."""

WIDEST = 98
MOST_REPEATED = 3

type Literals = Sequence[Sequence[str]]
"""Arguments of every call as `Call.given`, "" where no literal gives them."""


@frozen
class Harness:
    """Where the file finds its harness.

    `lines` are a harness of its own, none when it stays where it is; `target` is the expression that
    names it, and `file` the name of the file that it had in the trial, "" for a module.
    """

    target: str
    lines: tuple[str, ...] = ()
    file: str = ""


def reproducer(trial: Trial, harness: Harness, literals: Literals) -> str:
    """Write the file. Raises `ValueError` when a name in the plan cannot be written."""
    sites = {site.key: site for site in trial.evidence.sites}
    arguments = [
        *_failure(trial, harness),
        *_program(trial, literals),
        *_order(trial.plan, sites),
        *_settings(trial.plan),
    ]
    used = [name for name in ("delay", "pin", "switch") if any(f" {name}(" in a for a in arguments)]
    body = [
        f"from stressor.reproduce import {', '.join([*used, 'reproduce'])}",
        "",
        "reproduce(",
        *(f"    {line}" for line in [f"{harness.target},", *arguments]),
        ")",
    ]
    lines = [
        *_docstring(trial, sites),
        "",
        *(["from pathlib import Path", ""] if "Path(" in harness.target else []),
        *([*harness.lines, ""] if harness.lines else []),
        'if __name__ == "__main__":',
        *(f"    {line}" if line else "" for line in body),
    ]
    return "\n".join(lines) + "\n"


def _docstring(trial: Trial, sites: Sites) -> Iterator[str]:
    signature = plain(str(trial.outcome.signature))
    yield f'"""{_quoted(signature)}'
    yield ""
    about = [*explain(trial, sites).sentences[:2], _conditions(trial)]
    for text in about:
        yield from map(_quoted, textwrap.wrap(plain(text), WIDEST))
    yield '"""'


def _conditions(trial: Trial) -> str:
    origin = trial.origin
    where = ""
    if origin is not None:
        packages = [f"{name} {version}" for name, version in sorted(origin.packages.items())]
        interpreter = origin.interpreter.partition(" (")[0]  # without who built it, when, with what
        where = f" with {', '.join([interpreter, *packages, f'stressor {origin.stressor}'])}"
    often = f"Failed in {trial.rate} runs{where}. " if trial.rate is not None else ""
    return f"{often}Exit code 1: it failed again."


def literal(value: object) -> str:
    """Write a value, text with double quotes where it has none itself."""
    text = repr(value)
    if isinstance(value, str) and '"' not in text:
        return f'"{text[1:-1]}"'
    return text


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _failure(trial: Trial, harness: Harness) -> Iterator[str]:
    signature = trial.outcome.signature
    if signature is None:
        raise ValueError("the entry has no failure")
    where = signature.where
    if harness.file:
        where = re.sub(rf"(?<![\w.-]){re.escape(harness.file)}(?=:)", THIS_FILE, where)
    told = (signature.kind.value, where, *([signature.detail] if signature.detail else []))
    yield f"fails=({', '.join(map(literal, told))}),"


def _program(trial: Trial, literals: Literals) -> Iterator[str]:
    yield "program=["
    for thread, calls in enumerate(trial.plan.program):
        given = literals[thread] if thread < len(literals) else ()
        texts = [_call(call, given[i] if i < len(given) else "") for i, call in enumerate(calls)]
        one = f"    [{', '.join(_runs(texts))}],"
        if len(one) <= WIDEST:
            yield one
        else:
            yield "    ["
            yield from (f"        {each}," for each in _runs(texts))
            yield "    ],"
    yield "],"


def _call(call: Call, given: str) -> str:
    if not given and call.entropy:
        return f"({literal(call.op)}, {literal(call.entropy)})"
    return literal(call_text(call.op, given))


def _runs(texts: Iterable[str]) -> Iterator[str]:
    for text, same in groupby(texts):
        count = len(list(same))
        yield from [f"*[{text}] * {count}"] if count > MOST_REPEATED else [text] * count


def _order(plan: Plan, sites: Sites) -> Iterator[str]:
    if plan.rules:
        yield "rules=["
        for rule in plan.rules:
            yield from (f"    {line}" for line in _rule(rule, sites))
        yield "],"
    if plan.schedule is not None:
        yield from _schedule(plan.schedule, sites)


def _schedule(schedule: Schedule, sites: Sites) -> Iterator[str]:
    if schedule.switches:
        yield "switches=["
        for switch in schedule.switches:
            yield from (f"    {line}" for line in _switch(switch, sites))
        yield "],"
    yield f"then={literal(spec_text(schedule.then))},"
    if schedule.hooks:
        yield "hooks=True,"


def _rule(rule: Rule, sites: Sites) -> Iterator[str]:
    at = visit_text(_place(rule.site, sites), rule.thread, rule.phase, rule.visit)
    chance = f", chance={rule.chance!r}" if rule.chance != 1.0 else ""
    source = _source(rule.site, sites)
    if rule.until is None:
        least = rule.least_ns
        ns = f"({least:_}, {rule.most_ns:_})" if least != rule.most_ns else f"{least:_}"
        waited = f", ns={ns}" if rule.most_ns else ""
        yield f"delay({literal(rule.action.value)}, {literal(at)}{waited}{chance}),{source}"
        return
    until = rule.until
    reached = visit_text(_place(until.site, sites), until.thread, until.phase, until.visit)
    ns = f"({rule.least_ns:_}, {rule.most_ns:_})" if rule.least_ns else f"{rule.most_ns:_}"
    most = f", ns={ns}" if rule.least_ns or rule.most_ns != HOLD_NS else ""
    yield f"pin({literal(at)},{source}"
    yield f"    until={literal(reached)}{most}{chance}),{_source(until.site, sites)}"


def _switch(switch: Switch, sites: Sites) -> Iterator[str]:
    at = choice_text(evolve(switch, site=_place(switch.site, sites)))
    step = f", step={switch.step}" if switch.step != ANY_STEP else ""
    begin, end = f"switch({literal(at)},", f"to={switch.to}{step}),{_source(switch.site, sites)}"
    if len(begin) + len(end) < WIDEST:
        yield f"{begin} {end}"
    else:
        yield begin
        yield f"       {end}"


def _place(key: str, sites: Sites) -> str:
    """The site as it will be found in another build too, else its key."""
    site = sites.get(key)
    return (text_without_offset(site) if site is not None else "") or key


def _source(key: str, sites: Sites) -> str:
    """A comment: which line, and which function where the place does not say it."""
    site = sites.get(key)
    if site is None or not site.function:
        return ""
    line = [site.source.rsplit("/", 1)[-1]] if site.source else []
    function = [site.function] if _place(key, sites) == key else []
    told = plain(", ".join([*function, *line]))
    return f"  # {told}" if told else ""


def _settings(plan: Plan) -> Iterator[str]:
    usual = Limits()
    told = (
        ("home", plan.home, None),
        ("seed", plan.seed, None),
        ("rounds", plan.rounds, 1),
        ("modules", plan.modules, ()),
        ("runtime", plan.runtime, ()),
        ("allocator", plan.allocator.value, Allocator.DEFAULT.value),
        ("ledger", plan.ledger, True),
        ("monitors", plan.monitors, ()),
        ("seconds", plan.limits.seconds, usual.seconds),
        ("memory_mb", plan.limits.memory_mb, usual.memory_mb),
    )
    line = ""
    for text in [f"{name}={literal(value)}," for name, value, default in told if value != default]:
        if line and len(line) + len(text) > WIDEST:
            yield line
            line = ""
        line += f" {text}" if line else text
    yield line
    yield "runs=20,"
