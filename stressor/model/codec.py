"""JSON of plans, evidence, outcomes and trials, and the only place that knows the format.

A file is data from a stranger: unknown keys, wrong types (nothing is converted), values that are
not numbers, duplicate keys, deep nesting and excessive size are refused with the field's path.
Reading is all or nothing. Fields at their default are left out, so that a field added later does
not change the key of a plan that does not use it; what changes a meaning raises `VERSION` instead.
"""

import json
from hashlib import sha256
from typing import Any, NoReturn

from cattrs import (
    BaseValidationError,
    ClassValidationError,
    Converter,
    IterableValidationError,
)
from cattrs.errors import ForbiddenExtraKeysError

from stressor.errors import UsageError
from stressor.model.bounds import MOST_THREADS, TRACE, OutOfBoundsError, check_plan
from stressor.model.evidence import Control, Evidence
from stressor.model.finding import Finding, Run, check_finding
from stressor.model.outcome import Outcome
from stressor.model.plan import Plan
from stressor.model.site import Kind, Ordinal, Site
from stressor.model.strict import strict_converter
from stressor.model.trial import Rate, Trial

VERSION = 1
MOST_BYTES = 4 << 20
LINE_CHARACTERS = 100

_flat = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False).encode

type Noun = Plan | Evidence | Outcome | Trial | Finding
type Json = dict[str, Any]

_NAMES: dict[type[Noun], str] = {
    Plan: "plan",
    Evidence: "evidence",
    Outcome: "outcome",
    Trial: "trial",
    Finding: "finding",
}


class CodecError(UsageError):
    """A text is not what it should be; `source` names it, `problem` says where and why."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source}: {problem}")
        self.source = source
        self.problem = problem


def to_data(noun: Noun) -> Json:
    """Plain dicts, lists, strings and numbers of a noun, without the envelope."""
    data: Json = _converter.unstructure(noun)
    return data


def encode_compact(noun: Noun) -> bytes:
    """One line of JSON, for a reader that is a program. Raises `CodecError` on invalid Unicode."""
    text = json.dumps(_envelope(noun), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise CodecError(_NAMES[type(noun)], "has text that is not valid Unicode") from None


def encode_readable(noun: Noun) -> bytes:
    """JSON with sorted keys and short values on one line: stable, and easy on a reader.

    What was observed of a target may hold broken text, which becomes "?"; a plan or the run of a
    model may not, since it would not be the same any more: `CodecError`.
    """
    plan = noun.plan if isinstance(noun, Trial) else noun
    if isinstance(plan, Plan):
        encode_compact(plan)
    elif isinstance(plan, Finding):
        run_key(plan.run)
    return f"{_layout(_envelope(noun), 0)}\n".encode(errors="replace")


def decode[N: (Plan, Evidence, Outcome, Trial, Finding)](
    data: bytes, noun: type[N], source: str
) -> N:
    """Read what `encode_compact` or `encode_readable` wrote; `source` names it in errors.

    Raises `CodecError`: oversized, not JSON, another noun, an unknown version, an invalid field.
    """
    name = _NAMES[noun]
    return structured(_converter, open_envelope(data, name, VERSION, source), noun, name, source)


def named_in(data: bytes, source: str) -> str:
    """Which noun a text says that it is; empty when none. Raises `CodecError` when it is not JSON."""
    envelope = _parse(data, source)
    name = envelope.get("stressor") if isinstance(envelope, dict) else None
    return name if isinstance(name, str) else ""


def open_envelope(data: bytes, name: str, version: int, source: str) -> object:
    """What is in a versioned file of ours. Raises `CodecError`, as `decode` does."""
    envelope = _parse(data, source)
    if not isinstance(envelope, dict) or envelope.get("stressor") != name:
        raise CodecError(source, f'is not a stressor {name}: it lacks "stressor": "{name}"')
    found = envelope.get("version")
    if type(found) is not int or found != version:
        raise CodecError(
            source,
            f"has format version {_shown(str(found)[:20])}; this stressor reads {version}",
        )
    if unknown := sorted(envelope.keys() - {"stressor", "version", name}):
        raise CodecError(source, f"has unknown keys: {_shown(', '.join(unknown))}")
    return envelope.get(name)


def structured[T](converter: Converter, value: object, kind: type[T], name: str, source: str) -> T:
    """A value of a strict converter's class. Raises `CodecError` with the path of what is wrong."""
    try:
        return converter.structure(value, kind)
    except (BaseValidationError, TypeError, ValueError) as error:
        complaints = _complaints(error, name)
        more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
        raise CodecError(source, complaints[0] + more) from None


def plan_key(plan: Plan) -> str:
    """Content hash of a plan, 16 hexadecimal digits; the same for every way of writing the plan."""
    return _key(to_data(plan), "plan")


def run_key(run: Run) -> str:
    """Content hash of a model's run, like that of a plan."""
    return _key(_converter.unstructure(run), "run")


def _key(data: Json, name: str) -> str:
    text = json.dumps(
        data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    try:
        return sha256(text.encode()).hexdigest()[:16]
    except UnicodeEncodeError:
        raise CodecError(name, "has text that is not valid Unicode") from None


def _envelope(noun: Noun) -> Json:
    name = _NAMES[type(noun)]
    return {"stressor": name, "version": VERSION, name: to_data(noun)}


def _parse(data: bytes, source: str) -> object:
    if len(data) > MOST_BYTES:
        raise CodecError(source, f"is larger than {MOST_BYTES} bytes")
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_unique_keys, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise CodecError(source, "is not UTF-8 text") from None
    except RecursionError:
        raise CodecError(source, "is nested too deeply") from None
    except ValueError as error:
        raise CodecError(source, f"is not valid JSON: {_shown(str(error))}") from None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _layout(value: object, column: int) -> str:
    flat = _flat(value)
    if len(flat) + column <= LINE_CHARACTERS or not isinstance(value, dict | list | tuple):
        return flat
    inner = " " * (column + 1)
    if isinstance(value, dict):
        parts = [f"{inner}{_flat(key)}: {_layout(value[key], column + 1)}" for key in sorted(value)]
        return "{\n" + ",\n".join(parts) + "\n" + " " * column + "}"
    parts = [inner + _layout(item, column + 1) for item in value]
    return "[\n" + ",\n".join(parts) + "\n" + " " * column + "]"


def _complaints(error: BaseException, path: str) -> list[str]:
    """One line per invalid field, each with its path; cattrs nests errors as the data is nested."""
    if isinstance(error, ClassValidationError):
        fields, whole = error.group_exceptions()
        inner = [(each, f"{path}.{note.name}") for each, note in fields]
    elif isinstance(error, IterableValidationError):
        items, whole = error.group_exceptions()
        inner = [(each, f"{path}[{_shown(str(note.index))}]") for each, note in items]
    else:
        return [_complaint(error, path)]
    inner += [(each, path) for each in whole]
    return [line for each, place in inner for line in _complaints(each, place)]


def _complaint(error: BaseException, path: str) -> str:
    if isinstance(error, OutOfBoundsError):
        return f"{path}.{error}"
    if isinstance(error, ForbiddenExtraKeysError):
        return f"{path}: unknown keys: {_shown(', '.join(sorted(error.extra_fields)))}"
    if isinstance(error, KeyError):
        return f"{path}: is missing"
    return f"{path}: {_shown(str(error))}"


def _shown(text: str) -> str:
    return text[:200].encode("unicode_escape").decode()


def _check_rate(rate: Rate) -> None:
    if not 0 <= rate.hits <= rate.runs:
        raise OutOfBoundsError("hits", f"must be between 0 and runs ({rate.runs}): {rate.hits}")


def _check_site(site: Site) -> None:
    kind, colon, rest = site.key.partition(":")
    if not colon or ":" not in rest or kind not in Kind:
        raise OutOfBoundsError("key", f"must be KIND:MODULE:NAME: {site.key[:80]!r}")


def _check_ordinal(ordinal: Ordinal) -> None:
    if not 1 <= ordinal.number <= ordinal.of:
        raise OutOfBoundsError(
            "number", f"must be between 1 and of ({ordinal.of}): {ordinal.number}"
        )


def _check_control(control: Control) -> None:
    """Whoever tells a schedule has one column for each thread."""
    if not TRACE.match(control.trace):
        raise OutOfBoundsError("trace", "must be empty or 16 lower-case hexadecimal digits")
    for index, step in enumerate(control.steps):
        for name, thread in (("thread", step.thread), ("to", step.to)):
            if not -1 <= thread < MOST_THREADS:
                raise OutOfBoundsError(f"steps[{index}].{name}", f"is no thread: {thread}")
        if not all(0 <= thread < MOST_THREADS for thread in step.ready):
            raise OutOfBoundsError(f"steps[{index}].ready", "must be a set of threads")
    for index, wait in enumerate(control.deadlock):
        if not 0 <= wait.thread < MOST_THREADS:
            raise OutOfBoundsError(f"deadlock[{index}].thread", f"is no thread: {wait.thread}")


def _check_evidence(evidence: Evidence) -> None:
    for ring, events in enumerate(evidence.events):
        for index, event in enumerate(events):
            if event.thread != ring:
                raise OutOfBoundsError(
                    f"events[{ring}][{index}].thread", f"must be {ring}, its ring: {event.thread}"
                )


_converter = strict_converter(
    {
        Plan: check_plan,
        Rate: _check_rate,
        Site: _check_site,
        Ordinal: _check_ordinal,
        Control: _check_control,
        Evidence: _check_evidence,
        Finding: check_finding,
    }
)
