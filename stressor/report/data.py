"""The same as JSON: plain dicts for `--json`, whose keys are kept stable."""

from pathlib import Path
from typing import Any

from stressor.model.codec import to_data
from stressor.model.outcome import Signature
from stressor.model.trial import Trial
from stressor.report.replay import replay_command
from stressor.report.schedules import Covered
from stressor.report.summary import Found, Summary


def signature_data(signature: Signature) -> dict[str, Any]:
    """Kind, where and detail, and the text and the folder name made of them."""
    return {
        "kind": signature.kind.value,
        "where": signature.where,
        "detail": signature.detail,
        "text": str(signature),
        "slug": signature.slug(),
    }


def failure_data(trial: Trial, entry: Path | None) -> dict[str, Any]:
    """One trial with all of its evidence; `entry` and `replay` are null when it was not saved."""
    signature = trial.outcome.signature
    return {
        "verdict": trial.outcome.verdict.value,
        "signature": signature_data(signature) if signature is not None else None,
        "rate": str(trial.rate) if trial.rate is not None else None,
        "entry": str(entry) if entry is not None else None,
        "replay": replay_command(entry) if entry is not None else None,
        "trial": to_data(trial),
    }


def summary_data(summary: Summary) -> dict[str, Any]:
    """A campaign's numbers and failures."""
    return {
        "target": summary.target,
        "seconds": round(summary.seconds, 3),
        "trials": summary.trials,
        "rounds": summary.rounds,
        "calls": summary.calls,
        "verdicts": {verdict.value: count for verdict, count in summary.verdicts.items()},
        "undecided": dict(summary.reasons),
        "operations": dict(summary.operations),
        "sites": [site.key for site in summary.sites],
        "failures": [_found_data(found) for found in summary.found],
        "notes": list(summary.notes),
        "known_untried": [
            {
                "signature": signature_data(each.signature),
                "entry": str(each.entry) if each.entry is not None else None,
                "reason": each.reason,
            }
            for each in summary.untried
        ],
        "schedules": summary.schedules,
        "double_check": {
            "trials": summary.twice,
            "astray": summary.astray,
            "parting": summary.parting,
        },
        "covered": [_covered_data(covered) for covered in summary.covered],
        "left": {"calls": summary.left[0], "programs": summary.left[1]} if summary.left else None,
    }


def _covered_data(covered: Covered) -> dict[str, Any]:
    return {
        "program": [list(calls) for calls in covered.program],
        "calls": [list(calls) for calls in covered.calls],
        "bound": covered.bound,
        "sleep_sets": covered.sleep_sets,
        "schedules": covered.schedules,
        "all": covered.all,
        "reason": covered.reason,
    }


def _found_data(found: Found) -> dict[str, Any]:
    return {
        "signature": signature_data(found.signature),
        "trials": found.trials,
        "rate": str(found.rate) if found.rate is not None else None,
        "minimized": found.minimized,
        "known": found.known,
        "entry": str(found.entry) if found.entry is not None else None,
        "replay": replay_command(found.entry) if found.entry is not None else None,
    }
