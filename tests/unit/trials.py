"""Trials made by hand for the tests of the corpus and of the reports."""

from attrs import evolve

from stressor.model.evidence import (
    CallResult,
    CallStatus,
    Crash,
    End,
    Ending,
    Event,
    Evidence,
    Frame,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action, Allocator, Call, Plan, Rule, Spec, Until
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Origin, Rate, Trial

GET = "call:_csv:PyList_GetItem+0x1234"
SET = "call:_csv:PyList_SetItem+0x2345"
WHERE = "_csv:parse_save_field"

PLAN = Plan(
    "cases/target.py",
    ((Call("pull"),), (Call("push", "0a"),)),
    seed=7,
    strategy=Spec("targeted"),
    rules=(Rule(Action.HOLD, GET, Phase.AFTER, 0, 3, most_ns=50_000_000, until=Until(1, SET, 1)),),
    rounds=20,
    allocator=Allocator.DEBUG,
)
FRAMES = (
    Frame("python3.13t", 0x100, "PyList_Append", "Objects/listobject.c:538", "/bin/python3.13t"),
    Frame("_csv.so", 0x1234, "parse_save_field", "Modules/_csv.c:600", "/lib/_csv.so"),
)
EVIDENCE = Evidence(
    Ending(End.SIGNALLED, 11),
    rounds=3,
    calls=(
        (CallResult("pull", CallStatus.UNFINISHED, "pull()"),),
        (CallResult("push", CallStatus.RETURNED, "push(b'\\n')"),),
    ),
    crash=Crash(11, 0xDD08, 0, FRAMES),
    events=(
        (
            Event(0, 10, "op:target:pull", 1, Phase.BEFORE),
            Event(0, 30, GET, 3, Phase.AFTER, Action.HOLD, 1_200_000),
        ),
        (
            Event(1, 20, "op:target:push", 1, Phase.BEFORE),
            Event(1, 40, SET, 1, Phase.BEFORE),
            Event(1, 50, SET, 1, Phase.AFTER),
        ),
    ),
    sites=(
        Site(
            GET,
            Category.BORROWED_REF,
            (Phase.AFTER,),
            visits=4,
            acted=1,
            function="parse_save_field+0x1c",
            source="Modules/_csv.c:600",
        ),
        Site(SET, Category.CONTAINER, (Phase.BEFORE, Phase.AFTER), visits=4),
    ),
    complete=False,
)


def failing(where: str = WHERE, kind: FailureKind = FailureKind.CRASH) -> Outcome:
    """An outcome with one failure."""
    failure = Failure(Signature(kind, where), f"segmentation fault in {where}", 0, FRAMES)
    return Outcome(Verdict.FAILED, (failure,))


CRASHED = Trial(
    PLAN,
    EVIDENCE,
    failing(),
    Rate(19, 20),
    Origin("CPython 3.13.15t", "Linux x86_64", {"numpy": "2.2.1"}, "0.1.0"),
    minimized=True,
)


def with_calls(count: int, seed: int = 1, where: str = WHERE) -> Trial:
    """A failing trial whose plan costs the more the more calls it has."""
    plan = Plan("t.py", ((Call("pull"),) * count, (Call("pull"),)), seed)
    return Trial(plan, Evidence(Ending(End.SIGNALLED, 11), rounds=1), failing(where))


def with_rate(trial: Trial, hits: int, runs: int = 20) -> Trial:
    """The same trial with a rate."""
    return evolve(trial, rate=Rate(hits, runs))
