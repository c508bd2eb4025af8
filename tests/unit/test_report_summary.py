"""The summary of a campaign: failures by signature and what was exercised."""

import json
from pathlib import Path

from attrs import evolve

from stressor.model.outcome import FailureKind, Signature, Verdict
from stressor.model.trial import Rate
from stressor.report import Found, Summary, Untried, summary_data, summary_report
from tests.unit.trials import EVIDENCE

CRASH = Found(
    Signature(FailureKind.CRASH, "_csv:parse_save_field"),
    trials=12,
    entry=Path("corpus/crash-csv/0123456789abcdef.json"),
    rate=Rate(19, 20),
    minimized=True,
)
HANG = Found(Signature(FailureKind.HANG, "a:f + b:g"), trials=1, known=True)
SUMMARY = Summary(
    "cases/target.py",
    seconds=12.5,
    trials=1250,
    rounds=5000,
    calls=1,
    found=(CRASH, HANG),
    verdicts={Verdict.PASSED: 1237, Verdict.FAILED: 13},
    operations={"push": 7, "pull": 9},
    sites=EVIDENCE.sites,
    notes=("the corpus is full\x1b",),
)


def test_the_summary_of_a_campaign_with_failures() -> None:
    assert summary_report(SUMMARY).plain.splitlines() == [
        "2 failures found in cases/target.py",
        "",
        "Failures",
        "  trials   rate  failure                                          entry",
        "      12  19/20  crash in _csv:parse_save_field                   "
        "corpus/crash-csv/0123456789abcdef.json",
        "       1      -  hang in a:f + b:g [not minimized, known before]  not saved",
        "",
        "Exercised",
        "  1250 trials in 12.5 s (100/s), 5000 rounds, 1 call",
        "  1237 passed, 13 failed",
        "  2 sites reached (2 call)",
        "  operations: pull 9, push 7",
        "",
        "Notes",
        "  the corpus is full\\x1b",
        "",
        "Replay",
        "  stressor replay corpus/crash-csv/0123456789abcdef.json",
    ]


def test_known_failures_that_were_not_tried_are_told_with_their_reason() -> None:
    gone = Untried(CRASH.signature, CRASH.entry, "1 of the 1 places do not exist")
    late = Untried(HANG.signature, Path("b.json"), "no time")
    summary = evolve(SUMMARY, untried=(gone, late, late, late))
    lines = summary_report(summary).plain.splitlines()
    start = lines.index("Notes") + 2
    assert lines[start : start + 2] == [
        "  known failure was not tried: crash in _csv:parse_save_field "
        "(corpus/crash-csv/0123456789abcdef.json): 1 of the 1 places do not exist",
        "  known failure was not tried: hang in a:f + b:g (b.json) and 2 others: no time",
    ]
    told = json.loads(json.dumps(summary_data(summary)))["known_untried"]
    assert [each["reason"] for each in told] == [gone.reason, *["no time"] * 3]
    assert told[0]["entry"] == str(CRASH.entry)


def test_silence_is_only_about_what_was_exercised() -> None:
    quiet = evolve(SUMMARY, found=(), notes=())
    lines = summary_report(quiet).plain.splitlines()
    assert lines[0] == "no failure found in cases/target.py, on what was exercised"
    assert "Failures" not in lines
    assert "Replay" not in lines
    nothing = Summary("t.py", 0.0, 0)
    assert summary_report(nothing).plain.startswith("t.py was not tested")


def test_why_trials_were_not_decided_is_told_most_frequent_first() -> None:
    reasons = {"rare": 1, "too slow\x1b": 40, "killed": 3, "d": 1, "e": 2, "f": 2, "g": 1}
    lines = summary_report(evolve(SUMMARY, reasons=reasons)).plain.splitlines()
    start = lines.index("Undecided")
    assert lines[start + 1 : lines.index("Notes") - 1] == [
        "  40 trials: too slow\\x1b",
        "  3 trials: killed",
        "  2 trials: e",
        "  2 trials: f",
        "  1 trial: d",
        "  2 trials for other reasons",
    ]
    assert summary_data(evolve(SUMMARY, reasons=reasons))["undecided"] == reasons


def test_the_same_for_machines() -> None:
    data = json.loads(json.dumps(summary_data(SUMMARY)))
    assert data["trials"] == 1250
    assert data["verdicts"] == {"passed": 1237, "failed": 13}
    first, second = data["failures"]
    assert first["rate"] == "19/20"
    assert first["replay"].endswith("0123456789abcdef.json")
    assert first["signature"]["text"] == "crash in _csv:parse_save_field"
    assert second["entry"] is None
    assert second["known"]
