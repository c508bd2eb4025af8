"""Laws and their breaches: read from a record, judged, told, and asked for."""

from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.settings import with_monitors
from stressor.cli.monitors import MonitorNames, union
from stressor.model import breach_record, record
from stressor.model.breach_record import BREACH, MAX_BREACHES, MAX_FRAMES
from stressor.model.evidence import (
    Breach,
    CallResult,
    CallStatus,
    Crash,
    End,
    Ending,
    Evidence,
    Frame,
    Raised,
)
from stressor.model.monitors import BY_LAW, LAW_NAMES, LAWS, NAMES, WATCHES, Monitor
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Call, Plan
from stressor.model.record import read_record
from stressor.model.site import Phase
from stressor.oracles import judge
from stressor.report import failure_text
from tests.unit.trials import CRASHED
from tests.unit.written_record import ACT, GET, Written

FRAMES = (Frame("_shim.so", 1, "tell"), Frame("ext.so", 0x1A2B, "ext_count", path="/x/ext.so"))
DETACHED = Breach("attached", GET, 1, 3, Phase.BEFORE, 0xF00, (), 2, FRAMES)
NEGATIVE = Breach("owned-not-negative", GET, 0, 5, Phase.BEFORE, 0xF00, (0xABC, 1, -2), 1, FRAMES)
OPEN = Breach("closed", ACT, 0, 1, Phase.AFTER, 0xF00, (0xF00, 0))
CLEAN = Evidence(Ending(End.EXITED), rounds=1, calls=((CallResult("get", CallStatus.RETURNED),),))
PLAN = Plan("t.py", ((Call("get"),),), 1)


# ---- the laws ------------------------------------------------------------------------------------


def test_every_monitor_is_told_and_all_but_the_ledger_have_laws() -> None:
    assert set(WATCHES) == set(Monitor)
    assert len(BY_LAW) == len(LAWS)
    assert {law.monitor for law in LAWS} == set(Monitor) - {Monitor.BORROWED}
    assert NAMES[:-1] == LAW_NAMES


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_says_all_that_a_reader_wants(law: object) -> None:
    words = {name: getattr(law, name) for name in ("broken", "allowed", "source", "exact")}
    assert all(words.values())
    assert not words["broken"].endswith(".")
    assert words["allowed"].endswith(".")


def test_the_document_has_every_law_and_monitor() -> None:
    text = (Path(__file__).parents[2] / "docs" / "monitors.md").read_text()
    for law in LAWS:
        assert f"| `{law.name}` |" in text
    for monitor in Monitor:
        assert f"`{monitor.value}`" in text


# ---- the record ----------------------------------------------------------------------------------


def raw(law: int = 5, site: int = 0, *, phase: int = 0, ready: int = 1, frames: int = 2) -> bytes:
    words = (0xABC, 1, -2)
    places = (0x2010, 0x99, *[0] * (MAX_FRAMES - 2))
    return BREACH.pack(law, site, 3, 1, phase, 7, ready, frames, 0xF00, *words, *places)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "record.bin")


def write(written: Written, *breaches: bytes, count: int | None = None) -> tuple[Breach, ...]:
    number = len(breaches) if count is None else count
    written.put(44, number.to_bytes(4, "little"))
    written.put(record.BREACHES_AT, b"".join(breaches))
    return read_record(written.path).breaches


def test_a_breach_is_read_back(written: Written) -> None:
    held = len(LAWS) - 1
    first, second = write(written, raw(), raw(held, 1))
    assert (first.law, first.thread, first.visit, first.times) == ("attached", 1, 3, 7)
    assert (first.phase, first.obj, first.words) == (Phase.BEFORE, 0xF00, ())
    assert [frame.offset for frame in first.frames] == [0x2010, 0x99]
    assert (second.law, second.words) == ("held", (0xABC, 1, -2))
    assert {first.site, second.site} == {ACT, GET}


@pytest.mark.parametrize(
    "broken",
    [raw(len(LAWS)), raw(site=9), raw(phase=2), raw(ready=0)],
    ids=["law", "site", "phase", "unready"],
)
def test_what_makes_no_sense_is_left_out(written: Written, broken: bytes) -> None:
    assert [each.law for each in write(written, broken, raw())] == ["attached"]


def test_numbers_are_bounded(written: Written) -> None:
    found = write(written, *[raw(frames=2**32 - 1)] * MAX_BREACHES, count=2**32 - 1)
    assert len(found) == MAX_BREACHES
    assert all(len(each.frames) == MAX_FRAMES for each in found)
    assert breach_record.SIZE == record.MODULES_AT - record.BREACHES_AT


# ---- the oracle ----------------------------------------------------------------------------------


def test_a_breach_is_a_failure() -> None:
    outcome = judge(evolve(CLEAN, breaches=(DETACHED,)))
    [failure] = outcome.failures
    assert outcome.verdict is Verdict.FAILED
    assert failure.signature == Signature(FailureKind.ILLEGAL, "ext:ext_count", "attached")
    assert failure.summary == (
        "ext:ext_count called the C API without an attached thread state, at its call of "
        "PyList_GetItem (visit 3)"
    )
    assert (failure.thread, failure.frames) == (1, FRAMES)
    assert BY_LAW["attached"].allowed in failure.details
    assert "broken 2 times" in failure.details


def test_what_was_seen_is_told_by_name() -> None:
    [failure] = judge(evolve(CLEAN, breaches=(NEGATIVE,))).failures
    assert "Seen: at 0xf00, owner 0xabc, local count 1, shared count -2." in failure.details


def test_a_section_left_open_is_the_operations() -> None:
    [failure] = judge(evolve(CLEAN, breaches=(OPEN,))).failures
    assert failure.signature == Signature(FailureKind.ILLEGAL, "op act", "closed")
    assert failure.summary.startswith("op act returned with a critical section open")


def test_without_frames_the_site_tells() -> None:
    [failure] = judge(evolve(CLEAN, breaches=(evolve(DETACHED, frames=()),))).failures
    assert failure.signature.where == "box+0x10"


def test_one_failure_for_a_place_and_law_and_the_law_before_its_consequences() -> None:
    crash = Crash(11, 0, 0, (Frame("ext.so", 9, "ext_free"),))
    elsewhere = evolve(DETACHED, site=GET.replace("0x10", "0x20"), times=1)
    seen = evolve(
        CLEAN,
        ending=Ending(End.SIGNALLED, 11),
        crash=crash,
        breaches=(DETACHED, elsewhere, NEGATIVE),
    )
    kinds = [failure.signature.kind for failure in judge(seen).failures]
    assert kinds == [FailureKind.ILLEGAL, FailureKind.ILLEGAL, FailureKind.CRASH]
    assert "broken 3 times" in judge(seen).failures[0].details


def test_a_law_that_there_is_not_is_no_failure() -> None:
    assert judge(evolve(CLEAN, breaches=(evolve(DETACHED, law="gravity"),))).failures == ()


# ---- the report ----------------------------------------------------------------------------------


def test_the_report_has_law_sight_and_stack() -> None:
    evidence = evolve(CRASHED.evidence, breaches=(NEGATIVE,), crash=None)
    plan = evolve(CRASHED.plan, monitors=("detached", "counts"))
    outcome = Outcome(Verdict.FAILED, judge(evidence).failures[:1])
    text = failure_text(evolve(CRASHED, plan=plan, evidence=evidence, outcome=outcome)).plain
    assert "FAILED: illegal in ext:ext_count (owned-not-negative)" in text
    assert "local count 1, shared count -2" in text
    assert "Thread 0 used an object of its own whose reference counts add up to less" in text
    assert "ext_count" in text.split("Stack, innermost first")[1]
    assert "monitors: detached, counts" in text


def test_a_failure_without_its_breach_is_told_all_the_same() -> None:
    failure = Failure(Signature(FailureKind.ILLEGAL, "ext:f", "held"), "ext:f dropped", 0)
    evidence = evolve(CRASHED.evidence, check=Raised("E", "x"))
    outcome = Outcome(Verdict.FAILED, (failure,))
    text = failure_text(evolve(CRASHED, evidence=evidence, outcome=outcome)).plain
    assert "ext:f dropped, thread 0" in text


# ---- asking for them -----------------------------------------------------------------------------


def test_exactly_those_that_were_asked_for() -> None:
    some = with_monitors(PLAN, (Monitor.COUNTS, Monitor.SECTIONS))
    assert (some.monitors, some.ledger) == (("sections", "counts"), False)
    everything = with_monitors(PLAN, tuple(Monitor))
    assert (everything.monitors, everything.ledger) == (LAW_NAMES, True)


def test_names_on_a_command_line() -> None:
    kind = MonitorNames()
    assert kind.convert("counts", None, None) == (Monitor.COUNTS,)
    assert kind.convert("all", None, None) == tuple(Monitor)
    named = ((Monitor.COUNTS,), (Monitor.DETACHED,), (Monitor.COUNTS,))
    assert union(named) == (Monitor.DETACHED, Monitor.COUNTS)
    assert union(()) == ()
