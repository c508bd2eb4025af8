"""Exported reproducers: the file as golden text, and read back to the very plan that was exported."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from stressor import reproduce as door
from stressor.errors import ExitCode
from stressor.model.outcome import FailureKind, Signature
from stressor.model.plan import (
    Action,
    Allocator,
    Call,
    Limits,
    Plan,
    Rule,
    Schedule,
    Spec,
    Switch,
    Until,
)
from stressor.model.site import Ordinal, Phase
from stressor.report.reproducer import MOST_LINES, Harness, reproducer
from tests.unit.trials import CRASHED, GET, SET, failing

NUMBERED = evolve(
    CRASHED,
    evidence=evolve(
        CRASHED.evidence,
        sites=tuple(
            evolve(site, ordinal=Ordinal(2, 3)) if site.key == GET else site
            for site in CRASHED.evidence.sites
        ),
    ),
)

HARNESS = Harness(
    "__file__", ("def SETUP():", "    return []", "", 'OPS = {"pull": len}'), "target.py"
)
LITERALS = (("",), ("{'data': b'\\n'}",))

GOLDEN = '''"""crash in _csv:parse_save_field

Thread 0 crashed in pull below PyList_GetItem in parse_save_field+0x1c (Modules/_csv.c:600).
Thread 1 was in push, last seen just after PyList_SetItem in _csv+0x2345.
Failed in 19/20 runs with CPython 3.13.15t, numpy 2.2.1, stressor 0.1.0. Exit code 1: it failed
again.
"""

def SETUP():
    return []

OPS = {"pull": len}

if __name__ == "__main__":
    from stressor.reproduce import pin, reproduce

    reproduce(
        __file__,
        fails=("crash", "_csv:parse_save_field"),
        program=[
            ["pull()"],
            ["push(data=b'\\\\n')"],
        ],
        rules=[
            pin("thread 0 after call:_csv:PyList_GetItem+0x1234 visit 3",  \
# parse_save_field+0x1c, _csv.c:600
                until="thread 1 after call:_csv:PyList_SetItem+0x2345 visit 1", ns=50_000_000),
        ],
        seed=7, rounds=20, allocator="debug",
        runs=20,
    )
'''


def test_the_file_as_a_whole() -> None:
    assert reproducer(CRASHED, HARNESS, LITERALS).splitlines() == GOLDEN.splitlines()
    assert len(GOLDEN.splitlines()) <= MOST_LINES


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run the text of a file as a script; what it called `reproduce` with."""

    def run(text: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def record(target: str, **said: object) -> None:
            found.update(said, target=target)

        monkeypatch.setattr(door, "reproduce", record)
        exec(compile(text, "repro.py", "exec"), {"__name__": "__main__", "__file__": "repro.py"})
        return found

    return run


def read_back(text: str, said: Callable[[str], dict[str, Any]]) -> Plan:
    found = said(text)
    target, program = found.pop("target"), found.pop("program")
    found.pop("fails")
    assert found.pop("runs") == 20
    return door._plan(target, program, found)  # type: ignore[arg-type]  # as its caller says it


RULES = (
    Rule(
        Action.SLEEP, "category:refcount", Phase.BEFORE, least_ns=1000, most_ns=100_000, chance=0.25
    ),
    Rule(Action.YIELD, thread=1, visit=7),
    Rule(Action.SPIN, "*", most_ns=50, least_ns=50),
    Rule(Action.HOLD, GET, Phase.AFTER, 0, 3, most_ns=10_000_000, until=Until(1, SET, 2)),
    Rule(
        Action.HOLD,
        GET,
        most_ns=9,
        least_ns=3,
        chance=0.5,
        until=Until(1, "op:target:push", 1, Phase.BEFORE),
    ),
)
SCHEDULE = Schedule(
    Spec("pct", {"depth": 3.0, "steps": 60.0}),
    (
        Switch(-1, "", 0, Phase.BEFORE, 1, step=0),
        Switch(1, SET, 4, Phase.AFTER, 0),
        Switch(0, "", 0, Phase.BEFORE, 1, step=17),
    ),
    hooks=True,
)
BASE = Plan("repro.py", ((Call("pull"),), (Call("push"), Call("push"))), seed=3)


@pytest.mark.parametrize(
    "plan",
    [
        BASE,
        evolve(BASE, rules=RULES, rounds=5, ledger=False, modules=("*my mod*", "b.so")),
        evolve(BASE, schedule=SCHEDULE, home=1, limits=Limits(2.5, 64)),
        evolve(BASE, schedule=Schedule(), allocator=Allocator.DEBUG, monitors=("counts",)),
        evolve(
            BASE,
            program=((Call("odd (name)"), Call("a", "0aff")), (Call("b", given="{'k': [1]}"),)),
        ),
        evolve(BASE, program=((Call("pull"),) * 500, tuple(Call(f"o{n % 9}") for n in range(60)))),
    ],
    ids=["bare", "rules", "schedule", "first", "calls", "long"],
)
def test_what_is_exported_reads_back(plan: Plan, said: Callable[[str], dict[str, Any]]) -> None:
    literals = [[call.given for call in calls] for calls in plan.program]
    text = reproducer(evolve(CRASHED, plan=plan), HARNESS, literals)
    assert read_back(text, said) == plan


def test_places_are_told_without_offsets_where_their_ordinals_are_known(
    said: Callable[[str], dict[str, Any]],
) -> None:
    text = reproducer(evolve(NUMBERED, plan=evolve(BASE, rules=RULES)), HARNESS, ())
    place = "call:_csv:PyList_GetItem in parse_save_field #2 of 3"
    assert f'pin("thread 0 after {place} visit 3",  # _csv.c:600\n' in text
    plan = read_back(text, said)
    assert [rule.site for rule in plan.rules[3:]] == [place, place]
    assert plan.rules[3].until == RULES[3].until

    switches = (Switch(0, GET, 3, Phase.AFTER, 1, step=12345678),)
    controlled = evolve(NUMBERED, plan=evolve(BASE, schedule=Schedule(switches=switches)))
    text = reproducer(controlled, HARNESS, ())
    assert f'switch("thread 0 after {place} visit 3",\n' in text
    schedule = read_back(text, said).schedule
    assert schedule is not None
    assert schedule.switches == (evolve(switches[0], site=place),)


def test_the_trace_of_a_recording_is_left_out(said: Callable[[str], dict[str, Any]]) -> None:
    traced = evolve(BASE, schedule=evolve(SCHEDULE, trace="00ff" * 4))
    text = reproducer(evolve(CRASHED, plan=traced), HARNESS, ())
    assert read_back(text, said) == evolve(BASE, schedule=SCHEDULE)


def test_what_has_no_literals_keeps_its_entropy() -> None:
    text = reproducer(CRASHED, HARNESS, ())
    assert '["pull()"],' in text
    assert '[("push", "0a")],' in text


def test_a_place_in_the_harness_is_a_place_in_the_file(
    said: Callable[[str], dict[str, Any]],
) -> None:
    where = "check of target.py:check + mytarget.py:f"
    trial = evolve(CRASHED, outcome=failing(where, FailureKind.INVARIANT))
    found = said(reproducer(trial, HARNESS, LITERALS))
    assert found["fails"] == ("invariant", "check of <this file>:check + mytarget.py:f")
    for target in ("there/repro.py", "there/repro.py:Case"):
        assert door._signature(found["fails"], target) == Signature(
            FailureKind.INVARIANT, "check of repro.py:check + mytarget.py:f"
        )
    stays = said(reproducer(trial, Harness('"mypkg.stress"'), LITERALS))
    assert stays["fails"][1] == where


def test_hostile_text_stays_text(said: Callable[[str], dict[str, Any]]) -> None:
    hostile = 'a"""\nimport os  # \\'
    trial = evolve(
        CRASHED,
        plan=evolve(BASE, program=((Call(hostile),),), modules=(hostile,)),
        outcome=failing(hostile),
    )
    text = reproducer(trial, Harness("__file__"), ())
    found = said(text)
    assert found["fails"] == ("crash", hostile)
    assert found["modules"] == (hostile,)
    assert "\nimport os" not in text


def test_an_entry_without_a_failure_has_nothing_to_reproduce() -> None:
    passed = evolve(CRASHED, outcome=evolve(CRASHED.outcome, failures=()))
    with pytest.raises(ValueError, match="no failure"):
        reproducer(passed, HARNESS, ())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"seed": -1}, "seed: must be between"),
        ({"round": 3}, "there is no setting 'round'; there are: rules, switches"),
        ({"allocator": "fast"}, "'fast' is not a valid Allocator"),
        ({"program": [["take(n=x)"]]}, "no call: 'take"),
        ({"fails": ("oops", "here")}, "'oops' is not a valid FailureKind"),
        ({"then": "pct(3)"}, "no strategy: 'pct"),
        ({"rules": RULES, "then": "first()"}, "rules or a schedule, not both"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_was_edited_wrongly_is_said_in_one_line(
    settings: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"program": [["pull()"]], "fails": ("crash", "x"), **settings}
    with pytest.raises(SystemExit) as ended:
        door.reproduce("repro.py", **said)
    assert ended.value.code == ExitCode.USAGE
    printed = capsys.readouterr().err
    assert printed.startswith("stressor: this reproducer cannot be run: ")
    assert why in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_a_reproducer_has_help(
    asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["/x/repro.py", asked])
    with pytest.raises(SystemExit) as ended:
        door.reproduce("none.py", program=[["a()"]], fails=("crash", "a"))
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python repro.py\n")
