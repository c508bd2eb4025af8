"""Lost borrows: which are failures, what they are called, and what they explain."""

from attrs import evolve

from stressor.model.evidence import (
    CallResult,
    CallStatus,
    Crash,
    End,
    Ending,
    Evidence,
    Frame,
    Loss,
    Raised,
)
from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.oracles import judge

SITE = "call:ext:PyList_GetItem+0x1a2b"
HOLDER = (Frame("_shim.so", 1, "stressor_lend"), Frame("ext.so", 0x1A2B, "get_first"))
KILLER = (Frame("python3.13t", 1, "_Py_Dealloc"), Frame("ext.so", 0x99, "replace"))
USED = Loss(SITE, 0, 2, "str", 1, "counted", HOLDER, KILLER)
RETURNED = CallResult("get", CallStatus.RETURNED)
CLEAN = Evidence(Ending(End.EXITED), rounds=1, calls=((RETURNED,),))


def test_a_lost_borrow_that_was_used_is_a_failure() -> None:
    [failure] = judge(evolve(CLEAN, losses=(USED, USED))).failures
    assert failure.signature == Signature(FailureKind.BORROW, "ext:get_first", "PyList_GetItem")
    assert failure.summary == (
        "ext:get_first used a str borrowed from PyList_GetItem that another thread had destroyed"
    )
    assert "thread 1 destroyed it in ext:replace; then it was counted." in failure.details
    assert "2 times" in failure.details
    assert (failure.thread, failure.frames) == (0, HOLDER)


def test_without_frames_the_site_tells() -> None:
    [failure] = judge(evolve(CLEAN, losses=(evolve(USED, borrower_frames=()),))).failures
    assert failure.signature.where == "ext+0x1a2b"


def test_a_lost_borrow_that_was_not_seen_to_be_used_is_mentioned_only() -> None:
    outcome = judge(evolve(CLEAN, losses=(evolve(USED, used=None),) * 3))
    assert outcome.verdict is Verdict.PASSED
    assert outcome.failures == ()
    assert outcome.undecided == (
        "a str borrowed by PyList_GetItem in ext:get_first was destroyed and not seen to be used",
    )


def test_places_are_told_apart() -> None:
    elsewhere = evolve(USED, borrower_frames=(Frame("ext.so", 7, "get_last"),))
    by_other = evolve(USED, site="call:ext:PyDict_GetItem+0x1")
    assert len(judge(evolve(CLEAN, losses=(USED, elsewhere, by_other))).failures) == 3


def test_what_the_substitute_object_leads_to_is_a_consequence() -> None:
    wrong = CallResult("get", CallStatus.RAISED, "get()", Raised("AssertionError", "not mine"))
    broken = CallResult("get", CallStatus.RAISED, "get()", Raised("TypeError", "odd"))
    hurt = evolve(
        CLEAN,
        losses=(USED,),
        calls=((wrong, broken),),
        check=Raised("KeyError", "gone"),
        crash=Crash(11, 0, 0, HOLDER),
        ending=Ending(End.SIGNALLED, 11),
    )
    [failure] = judge(hurt).failures
    assert failure.signature.kind is FailureKind.BORROW
    for said in ("segmentation fault", "TypeError: odd", "wrong result", "check raised KeyError"):
        assert f"{said}" in failure.details
    assert failure.details.count("Consequence in the same trial") == 4


def test_a_loss_that_was_not_used_explains_nothing() -> None:
    crash = evolve(
        CLEAN,
        losses=(evolve(USED, used=None),),
        crash=Crash(11, 0, 0, HOLDER),
        ending=Ending(End.SIGNALLED, 11),
    )
    [failure] = judge(crash).failures
    assert failure.signature.kind is FailureKind.CRASH


def test_a_hang_or_the_gil_is_not_explained_by_a_lost_borrow() -> None:
    both = evolve(CLEAN, losses=(USED,), gil_culprit="old", ending=Ending(End.STUCK))
    kinds = [failure.signature.kind for failure in judge(both).failures]
    assert kinds == [FailureKind.HANG, FailureKind.BORROW, FailureKind.GIL]


def test_a_lost_int_has_its_article() -> None:
    [failure] = judge(evolve(CLEAN, losses=(evolve(USED, type="int"),))).failures
    assert " used an int borrowed from " in failure.summary
