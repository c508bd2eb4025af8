"""Verdicts: what is a pass, and all that is not."""

import pytest
from attrs import evolve

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
    Raised,
)
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action
from stressor.model.site import Category, Phase, Site
from stressor.oracles import ALL, Oracle, judge

RETURNED = CallResult("pull", CallStatus.RETURNED)
REACHED = Site("call:m:f+0x1", Category.LOCK, (), visits=3)
PASSED = Evidence(Ending(End.EXITED), rounds=1, calls=((RETURNED,),), sites=(REACHED,))
RAISED = CallResult("pull", CallStatus.RAISED, raised=Raised("KeyError", "k", "t.py:f"))


def test_a_clean_trial_passed() -> None:
    assert judge(PASSED) == Outcome(Verdict.PASSED)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (evolve(PASSED, ending=Ending(End.SLOW)), "did not end in time"),
        (evolve(PASSED, ending=Ending(End.MEMORY)), "over its memory ceiling"),
        (evolve(PASSED, ending=Ending(End.LOST)), "died together with its fork server"),
        (evolve(PASSED, rounds=0), "no round was carried out"),
        (evolve(PASSED, calls=((), ()), sites=()), "nothing was exercised"),
        (
            evolve(
                PASSED,
                calls=((CallResult("pull", CallStatus.NOT_STARTED),),),
                sites=(evolve(REACHED, visits=0),),
            ),
            "nothing was exercised",
        ),
        (evolve(PASSED, setup=Raised("OSError", "no file")), "setup raised OSError: no file"),
    ],
)
def test_what_was_not_tested_is_not_a_pass(evidence: Evidence, reason: str) -> None:
    outcome = judge(evidence)
    assert outcome.verdict is Verdict.UNKNOWN
    assert len(outcome.undecided) == 1
    assert reason in outcome.undecided[0]


@pytest.mark.parametrize(
    "evidence",
    [
        # A target that is linked into the interpreter may have no site of its own.
        evolve(PASSED, sites=()),
        evolve(PASSED, calls=((CallResult("pull", CallStatus.RAISED_LEGAL),),), sites=()),
        evolve(PASSED, calls=((),)),
    ],
)
def test_a_call_that_came_back_or_a_site_that_was_reached_is_enough(evidence: Evidence) -> None:
    assert judge(evidence).verdict is Verdict.PASSED


@pytest.mark.parametrize("end", [End.SLOW, End.MEMORY, End.LOST])
def test_a_failure_that_was_seen_counts_however_the_trial_ended(end: End) -> None:
    outcome = judge(evolve(PASSED, calls=((RAISED,),), ending=Ending(end)))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.signature == Signature(FailureKind.EXCEPTION, "t.py:f", "KeyError")
    assert len(outcome.undecided) == 1


def test_a_fault_of_stressors_own_is_never_the_targets() -> None:
    fault = "Traceback (most recent call last):\n  File x\nIndexError: our bug\n"
    hurt = evolve(
        PASSED,
        fault=fault,
        calls=((RAISED,),),
        crash=Crash(11, 0, 0),
        ending=Ending(End.SIGNALLED, 11),
    )
    outcome = judge(hurt)
    assert outcome.verdict is Verdict.BROKEN
    assert outcome.failures == ()
    assert outcome.undecided == ("stressor's own fault: IndexError: our bug",)


def held(*, expired: bool) -> Evidence:
    event = Event(1, 9, "call:m:f+0x1", 4, Phase.AFTER, Action.HOLD, 10**6, expired=expired)
    return evolve(PASSED, events=((), (event,)))


def test_an_order_that_did_not_come_about_is_no_pass() -> None:
    outcome = judge(held(expired=True))
    assert outcome.verdict is Verdict.DIVERGED
    assert "thread 1 held at call:m:f+0x1 (visit 4)" in outcome.undecided[0]
    assert judge(held(expired=False)).verdict is Verdict.PASSED


TURNS = Control(count=9, trace="0" * 16)
LEFT = evolve(TURNS, divergence=Divergence(7, "thread 0 at A", "thread 1 at B"))


def test_a_schedule_that_was_kept_passed() -> None:
    assert judge(evolve(PASSED, control=TURNS)) == Outcome(Verdict.PASSED)


def test_a_schedule_that_was_left_is_no_pass() -> None:
    outcome = judge(evolve(PASSED, control=LEFT))
    assert outcome.verdict is Verdict.DIVERGED
    assert outcome.undecided == ("step 7: wanted thread 0 at A, got thread 1 at B",)


def test_what_is_unknown_is_unknown_before_it_diverged() -> None:
    outcome = judge(evolve(PASSED, control=LEFT, ending=Ending(End.SLOW)))
    assert outcome.verdict is Verdict.UNKNOWN
    assert judge(evolve(PASSED, control=LEFT, calls=((RAISED,),))).verdict is Verdict.FAILED


def test_a_schedule_without_turns_exercised_nothing() -> None:
    outcome = judge(evolve(PASSED, control=Control()))
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.undecided == ("nothing was exercised: no thread took a turn of the schedule",)


def test_waits_that_are_not_modelled_are_said_with_any_verdict() -> None:
    outcome = judge(evolve(PASSED, control=evolve(TURNS, revoked=2)))
    assert outcome.verdict is Verdict.PASSED
    assert "lost it, 2 times: the next run may go another way" in outcome.undecided[0]
    outcome = judge(evolve(PASSED, control=evolve(LEFT, revoked=1)))
    assert [text.split(" ", 1)[0] for text in outcome.undecided] == ["step", "a"]


def test_a_failure_outside_of_the_order_is_a_failure() -> None:
    outcome = judge(evolve(held(expired=True), calls=((RAISED,),)))
    assert outcome.verdict is Verdict.FAILED


def test_the_worst_failure_comes_first() -> None:
    many = evolve(
        PASSED,
        calls=((RAISED,),),
        check=Raised("AssertionError", ""),
        gil_culprit="",
        crash=Crash(11, 0, 0),
        ending=Ending(End.SIGNALLED, 11),
    )
    kinds = [failure.signature.kind for failure in judge(many).failures]
    assert kinds == [
        FailureKind.CRASH,
        FailureKind.EXCEPTION,
        FailureKind.INVARIANT,
        FailureKind.GIL,
    ]


@pytest.mark.parametrize(("culprit", "where"), [("_old", "_old"), ("", "unknown module")])
def test_the_gil_that_came_back_is_a_failure(culprit: str, where: str) -> None:
    [failure] = judge(evolve(PASSED, gil_culprit=culprit)).failures
    assert failure.signature == Signature(FailureKind.GIL, where)


def test_only_the_oracles_that_are_asked_are_heard() -> None:
    def always(evidence: Evidence) -> tuple[Failure, ...]:
        return (Failure(Signature(FailureKind.GIL, "mine"), f"{evidence.rounds} round"),)

    outcome = judge(evolve(PASSED, calls=((RAISED,),)), [Oracle("mine", always)])
    assert [failure.summary for failure in outcome.failures] == ["1 round"]


def test_there_is_an_oracle_for_every_kind_of_failure() -> None:
    assert [oracle.name for oracle in ALL] == [kind.value for kind in FailureKind]


@pytest.mark.parametrize("oracle", ALL, ids=lambda oracle: oracle.name)
def test_no_oracle_sees_anything_in_a_clean_trial(oracle: Oracle) -> None:
    assert oracle.failures(PASSED) == ()


@pytest.mark.parametrize("oracle", ALL, ids=lambda oracle: oracle.name)
@pytest.mark.parametrize("end", End)
def test_no_oracle_falls_over_empty_evidence(oracle: Oracle, end: End) -> None:
    for code in (0, 11):
        found = oracle.failures(Evidence(Ending(end, code), complete=False))
        assert all(failure.signature.where for failure in found)
