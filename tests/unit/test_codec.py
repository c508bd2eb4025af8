"""The format: what is written is read back, and nothing else is read at all."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stressor.model.codec import (
    MOST_BYTES,
    CodecError,
    Noun,
    decode,
    encode_compact,
    encode_readable,
    plan_key,
    to_data,
)
from stressor.model.evidence import (
    CallResult,
    CallStatus,
    Control,
    Crash,
    Divergence,
    End,
    Ending,
    Event,
    Evidence,
    Frame,
    Loss,
    Raised,
    Step,
    Wait,
    Why,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
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
from stressor.model.site import Category, Ordinal, Phase, Site
from stressor.model.trial import Origin, Rate, Trial

SITE = "call:_csv:PyList_GetItem+0x12"
PLAN = Plan(
    target="cases/target.py",
    program=((Call("pull"), Call("push", "00ff")), (Call("pull"),)),
    seed=7,
    strategy=Spec("targeted", {"sites": 3.0}),
    rules=(
        Rule(Action.SLEEP, SITE, Phase.AFTER, 0, 3, 0.5, 10, 20),
        Rule(Action.HOLD, most_ns=50, until=Until(1, SITE, 2)),
    ),
    rounds=10,
    modules=("*_csv*",),
    allocator=Allocator.DEBUG,
    ledger=False,
    monitors=("sections", "counts"),
    limits=Limits(2.5, 512),
)
BEGIN = Switch(-1, "", 0, Phase.BEFORE, to=1, step=0)
SWITCH = Switch(0, SITE, 2, Phase.AFTER, to=1)
CONTROLLED = evolve(
    PLAN,
    rules=(),
    schedule=Schedule(Spec("pct", {"depth": 3.0}), (BEGIN, SWITCH), hooks=True, trace="0" * 16),
    home=1,
)
CONTROL = Control(
    steps=(
        Step(-1, "", 0, Phase.BEFORE, to=1, why=Why.BEGIN, ready=(0, 1)),
        Step(1, SITE, 2, Phase.AFTER, to=0, why=Why.VISIT, ready=(0, 1), obj=1 << 63),
    ),
    count=70_000,
    trace="0123456789abcdef",
    deadlock=(Wait(0, SITE, 1, 0xF00),),
    divergence=Divergence(1, "a", "b"),
    revoked=2,
)
FRAME = Frame("_csv.so", 0x12, "parse", "_csv.c:7", "/lib/_csv.so")
TRIAL = Trial(
    PLAN,
    Evidence(
        Ending(End.SIGNALLED, 11),
        rounds=3,
        check=Raised("ValueError", "no", "t.py:f", "Traceback"),
        calls=((CallResult("pull", CallStatus.UNFINISHED, "pull()"),), ()),
        crash=Crash(11, 0xDEAD, 0, (FRAME,)),
        losses=(Loss(SITE, 0, 1, "str", 1, "counted", (FRAME,), ()),),
        events=((Event(0, 1 << 63, SITE, 1, Phase.AFTER, Action.SLEEP, 5, expired=True),), ()),
        sites=(
            Site(SITE, Category.BORROWED_REF, (Phase.AFTER,), 4, 1, True, ordinal=Ordinal(2, 3)),
        ),
        gil_culprit="",
        stderr="Größe",
        seconds=0.5,
        complete=False,
    ),
    Outcome(Verdict.FAILED, (Failure(Signature(FailureKind.CRASH, "a:b"), "s", 0, (FRAME,)),)),
    Rate(19, 20),
    Origin("3.13.15t", "linux", {"numpy": "2.2.1"}, "0.1.0"),
    minimized=True,
)


OUT_OF_ORDER = Site(SITE, Category.BORROWED_REF, (), ordinal=Ordinal(3, 2))


def edited(changes: dict[str, Any], noun: Noun = PLAN) -> bytes:
    """A written noun with values replaced; "__" in a name leads inside."""
    data = json.loads(encode_compact(noun))
    for path, value in changes.items():
        *folders, last = path.split("__")
        inner = data
        for step in folders:
            inner = inner[int(step) if step.isdigit() else step]
        inner[last] = value
    return json.dumps(data).encode()


CONTROLLED_TRIAL = evolve(TRIAL, plan=CONTROLLED, evidence=evolve(TRIAL.evidence, control=CONTROL))


@pytest.mark.parametrize("encode", [encode_compact, encode_readable])
def test_a_trial_survives_unchanged(encode: Callable[[Noun], bytes]) -> None:
    assert decode(encode(TRIAL), Trial, "x") == TRIAL
    assert decode(encode(CONTROLLED_TRIAL), Trial, "x") == CONTROLLED_TRIAL
    assert decode(encode(TRIAL.evidence), Evidence, "x") == TRIAL.evidence
    assert decode(encode(TRIAL.outcome), Outcome, "x") == TRIAL.outcome


RULES = st.builds(
    Rule,
    action=st.sampled_from([action for action in Action if action is not Action.HOLD]),
    site=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30),
    phase=st.none() | st.sampled_from(Phase),
    thread=st.none() | st.integers(0, 63),
    visit=st.none() | st.integers(1, 2**32 - 1),
    chance=st.floats(0, 1),
    least_ns=st.just(0),
    most_ns=st.integers(0, 10**9),
)
PLANS = st.builds(
    Plan,
    target=st.just("t.py"),
    program=st.lists(
        st.lists(
            st.builds(Call, st.just("op"), st.binary(max_size=9).map(bytes.hex)), max_size=4
        ).map(tuple),
        min_size=1,
        max_size=4,
    ).map(tuple),
    seed=st.integers(0, 2**64 - 1),
    rules=st.lists(RULES, max_size=3).map(tuple),
    ledger=st.booleans(),
)


@given(PLANS)
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
def test_any_plan_survives_unchanged_and_keeps_its_key(plan: Plan) -> None:
    again = decode(encode_compact(plan), Plan, "x")
    assert again == plan
    assert plan_key(again) == plan_key(plan)
    assert decode(encode_readable(plan), Plan, "x") == plan


def test_what_is_default_is_not_written() -> None:
    plain = Plan("t.py", ((Call("pull"),),), 0)
    assert to_data(plain) == {"target": "t.py", "program": [[{"op": "pull"}]], "seed": 0}


def test_readable_text_is_sorted_and_short_values_share_a_line() -> None:
    text = encode_readable(TRIAL).decode()
    assert text.index('"evidence"') < text.index('"outcome"') < text.index('"plan"')
    assert (
        '  "program": [[{"op": "pull"}, {"entropy": "00ff", "op": "push"}], [{"op": "pull"}]]'
        in text
    )
    assert max(map(len, text.splitlines())) < 140
    assert text.endswith("\n")
    assert "Größe" in text


def test_the_key_is_of_the_content_and_not_of_its_writing() -> None:
    whole = evolve(PLAN, strategy=Spec("targeted", {"sites": 3}))
    assert plan_key(whole) == plan_key(PLAN)
    assert plan_key(evolve(PLAN, seed=8)) != plan_key(PLAN)
    assert len(plan_key(PLAN)) == 16


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"plan__seed": "5"}, "plan.seed: must be a whole number, not a string"),
        ({"plan__seed": True}, "plan.seed: must be a whole number, not true or false"),
        ({"plan__seed": 5.0}, "plan.seed: must be a whole number"),
        ({"plan__seed": 1 << 64}, "plan.seed: must fit in 64 bits"),
        ({"plan__seed": -1}, "plan.seed: must be between 0 and"),
        ({"plan__monitors": "all"}, "plan.monitors: must be a list, not a string"),
        ({"plan__monitors": ["all"]}, "plan.monitors[0]: must be one of sections, detached"),
        ({"plan__monitors": ["borrowed"]}, "plan.monitors[0]: must be one of sections"),
        ({"plan__monitors": ["counts", "sections"]}, "plan.monitors: must be in this order"),
        ({"plan__monitors": ["counts", "counts"]}, "plan.monitors: must be in this order"),
        ({"plan__ledger": 1}, "plan.ledger: must be true or false, not a number"),
        ({"plan__target": ["t.py"]}, "plan.target: must be a string, not a list"),
        ({"plan__target": "a\0b"}, "plan.target: must be Unicode text without NUL"),
        ({"plan__target": ""}, "plan.target: must have 1 to"),
        ({"plan__target": "\ud800"}, "plan.target: must be valid Unicode"),
        ({"plan__rules": {}}, "plan.rules: must be a list, not an object"),
        ({"plan__rules": "ab"}, "plan.rules: must be a list, not a string"),
        ({"plan__rules__0__chance": 1.5}, "plan.rules[0].chance: must be between 0.0 and 1.0"),
        ({"plan__rules__0__chance": 1e300}, "plan.rules[0].chance: must be between"),
        ({"plan__rules__0__least_ns": 30}, "plan.rules[0].least_ns: must be between 0 and most"),
        ({"plan__rules__0__most_ns": 10**12}, "plan.rules[0].most_ns: must be between 0 and"),
        ({"plan__rules__0__visit": 0}, "plan.rules[0].visit: must be between 1 and"),
        ({"plan__rules__0__thread": 64}, "plan.rules[0].thread: must be between 0 and 63"),
        ({"plan__rules__0__action": "jump"}, "plan.rules[0].action: 'jump' is not a valid Action"),
        ({"plan__rules__1__until": None}, "plan.rules[1].until: a hold, and only a hold"),
        ({"plan__rules__0__until": {}}, "plan.rules[0].until.thread: is missing"),
        ({"plan__rules__0__extra": 1}, "plan.rules[0]: unknown keys: extra"),
        ({"plan__program": []}, "plan.program: must be between 1 and 64 threads"),
        ({"plan__program": [[]] * 65}, "plan.program: must be between 1 and 64 threads"),
        ({"plan__program__0__0__op": "a" * 1001}, "plan.program[0][0].op: must have 1 to 1000"),
        ({"plan__program__0__1__entropy": "0F"}, "plan.program[0][1].entropy: must be at most"),
        ({"plan__program__0__1__entropy": "abc"}, "plan.program[0][1].entropy: must be at most"),
        ({"plan__rounds": 0}, "plan.rounds: must be between 1 and"),
        ({"plan__limits__seconds": 0}, "plan.limits.seconds: must be between"),
        ({"plan__limits": None}, "plan.limits: must be an object, not null"),
        ({"plan__strategy__numbers": {"a": "b"}}, "plan.strategy.numbers[a]: must be a number"),
        ({"plan__strategy__numbers": [1]}, "plan.strategy.numbers: must be an object"),
        ({"plan": 3}, "plan: must be an object, not a number"),
        ({"version": 2}, "has format version 2; this stressor reads 1"),
        ({"version": True}, "has format version True; this stressor reads 1"),
        ({"stressor": "trial"}, "is not a stressor plan"),
        ({"more": 1}, "has unknown keys: more"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(CodecError) as refused:
        decode(edited(changes), Plan, "entry.json")
    assert str(refused.value).startswith(f"entry.json: {problem}")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rules": [{"action": "yield"}]}, "schedule: a plan has rules or a schedule, not both"),
        ({"schedule__trace": "0" * 15}, "schedule.trace: must be empty or 16 lower-case"),
        ({"schedule__trace": "0" * 16 + "\n"}, "schedule.trace: must be empty or 16 lower-case"),
        ({"schedule__trace": "F" * 16}, "schedule.trace: must be empty or 16 lower-case"),
        ({"schedule__then__name": "a b"}, "schedule.then.name: must be a scheduler's name: 'a b'"),
        ({"schedule__then__name": "../pct"}, "schedule.then.name: must be a scheduler's name"),
        ({"schedule__then__name": ""}, "schedule.then.name: must have 1 to"),
        (
            {"schedule__then__numbers": {"depth": 1e300}},
            "schedule.then.numbers[depth]: must be between",
        ),
        ({"schedule__switches__1__thread": 2}, "schedule.switches[1].thread: must be between 0"),
        ({"schedule__switches__1__thread": -1}, "schedule.switches[1].thread: must be between 0"),
        ({"schedule__switches__0__thread": -2}, "schedule.switches[0].thread: must be between -1"),
        (
            {"schedule__switches__0__visit": 1},
            "schedule.switches[0].visit: must be between 0 and 0",
        ),
        ({"schedule__switches__1__visit": 0}, "schedule.switches[1].visit: must be between 1"),
        ({"schedule__switches__1__to": 2}, "schedule.switches[1].to: must be between 0 and 1"),
        ({"schedule__switches__1__to": -1}, "schedule.switches[1].to: must be between 0 and 1"),
        ({"schedule__switches__1__step": -2}, "schedule.switches[1].step: must be between -1"),
        ({"schedule__switches__1__step": 0.5}, "schedule.switches[1].step: must be a whole number"),
        ({"schedule__switches__1__site": "a\0"}, "schedule.switches[1].site: must be Unicode text"),
        ({"schedule__switches__1__phase": 1}, "schedule.switches[1].phase: 1 is not a valid Phase"),
        ({"schedule__hooks": 1}, "schedule.hooks: must be true or false"),
        ({"schedule__more": 1}, "schedule: unknown keys: more"),
        ({"home": 2}, "home: must be between 0 and 1: 2"),
        ({"home": -1}, "home: must be between 0 and 1: -1"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(changes: dict[str, Any], problem: str) -> None:
    inside = {f"plan__{path}": value for path, value in changes.items()}
    with pytest.raises(CodecError) as refused:
        decode(edited(inside, CONTROLLED), Plan, "x")
    assert str(refused.value).startswith(f"x: plan.{problem}")


def test_a_plan_has_as_many_switches_as_the_shim_takes() -> None:
    assert CONTROLLED.schedule is not None
    most = evolve(CONTROLLED, schedule=Schedule(switches=(SWITCH,) * 16384))
    assert decode(encode_readable(most), Plan, "x") == most
    more = evolve(CONTROLLED, schedule=Schedule(switches=(SWITCH,) * 16385))
    with pytest.raises(CodecError, match=r"schedule\.switches: must be between 0 and 16384 swit"):
        decode(encode_compact(more), Plan, "x")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trace": "x"}, "trace: must be empty or 16 lower-case"),
        ({"steps__1__thread": 64}, "steps[1].thread: is no thread: 64"),
        ({"steps__1__to": -2}, "steps[1].to: is no thread: -2"),
        ({"steps__1__ready": [0, -1]}, "steps[1].ready: must be a set of threads"),
        ({"deadlock__0__thread": -1}, "deadlock[0].thread: is no thread: -1"),
    ],
)
def test_a_control_with_threads_that_cannot_be_is_refused(
    changes: dict[str, Any], problem: str
) -> None:
    inside = {f"evidence__control__{path}": value for path, value in changes.items()}
    with pytest.raises(CodecError) as refused:
        decode(edited(inside, CONTROLLED_TRIAL.evidence), Evidence, "x")
    assert str(refused.value).startswith(f"x: evidence.control.{problem}")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not valid JSON"),
        (b"[]", "is not a stressor plan"),
        (b"null", "is not a stressor plan"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (encode_compact(PLAN)[:-9], "is not valid JSON"),
        (b"[" * 500_000, "is nested too deeply"),
        (b'{"a":' * 500_000, "is nested too deeply"),
        (b'{"stressor": NaN}', "is not valid JSON: NaN is not a number"),
        (b'{"stressor": -Infinity}', "is not valid JSON: -Infinity is not a number"),
        (b'{"version": 1, "version": 2}', "is not valid JSON: an object has the same key twice"),
        (b"1" * 5000, "is not valid JSON"),
        (b" " * (MOST_BYTES + 1), f"is larger than {MOST_BYTES} bytes"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_is_not_a_plan_at_all_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(CodecError, match=problem) as refused:
        decode(data, Plan, "entry.json")
    assert refused.value.source == "entry.json"


def test_messages_never_carry_the_control_characters_of_a_file() -> None:
    for changes in ({"plan__\x1b[31m": 1}, {"\x1b": 1}, {"version": "\x1b"}):
        with pytest.raises(CodecError) as refused:
            decode(edited(changes), Plan, "x")
        assert str(refused.value).isprintable()


def test_several_complaints_are_counted() -> None:
    with pytest.raises(CodecError, match=r"plan\.seed: .* \(and 1 more\)"):
        decode(edited({"plan__seed": "x", "plan__rounds": "y"}), Plan, "x")


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (
            evolve(TRIAL, evidence=Evidence(Ending(End.EXITED), sites=(OUT_OF_ORDER,))),
            r"trial\.evidence\.sites\[0\]\.ordinal\.number: must be between 1 and of \(2\): 3",
        ),
        (evolve(TRIAL, rate=Rate(3, 2)), r"trial\.rate\.hits: must be between 0 and runs \(2\)"),
        (
            evolve(
                TRIAL, evidence=Evidence(Ending(End.EXITED), sites=(Site("x", Category.OP, ()),))
            ),
            r"trial\.evidence\.sites\[0\]\.key: must be KIND:MODULE:NAME",
        ),
    ],
)
def test_values_of_a_trial_are_checked_too(broken: Trial, problem: str) -> None:
    with pytest.raises(CodecError, match=problem):
        decode(encode_readable(broken), Trial, "x")


def test_broken_text_of_a_target_does_not_prevent_writing() -> None:
    hurt = evolve(TRIAL, evidence=evolve(TRIAL.evidence, stderr="a\udcffb"))
    assert decode(encode_readable(hurt), Trial, "x").evidence.stderr == "a?b"


def test_broken_text_in_a_plan_is_not_guessed_at() -> None:
    hurt = evolve(PLAN, target="a\udcffb")
    for write in (encode_compact, encode_readable, plan_key):
        with pytest.raises(CodecError, match="not valid Unicode"):
            write(hurt)
    with pytest.raises(CodecError, match="not valid Unicode"):
        encode_readable(evolve(TRIAL, plan=hurt))


@pytest.mark.parametrize("target", ["a\u00a0b/target.py", "new\nline.py", "\x1b[31m.py"])
def test_any_name_that_a_file_may_have_is_read_back(target: str) -> None:
    plan = evolve(
        PLAN,
        target=target,
        modules=(f"*{target}*",),
        program=((Call("o" * 300),),),
        rules=(Rule(Action.YIELD, f"op:target:{'o' * 300}"),),
    )
    assert decode(encode_readable(plan), Plan, "x") == plan


def test_an_event_of_another_thread_than_its_ring_is_refused_by_name() -> None:
    data = json.loads(encode_compact(TRIAL))
    data["trial"]["evidence"]["events"][0][0]["thread"] = 7
    with pytest.raises(CodecError) as refused:
        decode(json.dumps(data).encode(), Trial, "x")
    assert refused.value.problem == "trial.evidence.events[0][0].thread: must be 0, its ring: 7"
