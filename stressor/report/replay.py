"""The command that runs a saved failure again, and the text to save when it could not be saved."""

import os
import re
import shlex
from pathlib import Path

from attrs import evolve

from stressor.model.codec import encode_readable
from stressor.model.evidence import Evidence
from stressor.model.trial import Trial

_NOT_ASCII = re.compile(r"[^\n\x20-\x7e]")


def replay_command(entry: Path) -> str:
    """A command line that a shell reads as it is meant, for a name that no terminal shows as well."""
    return f"stressor replay {_quoted(entry)}"


def minimize_command(entry: Path) -> str:
    """The command line that makes a saved failure small."""
    return f"stressor minimize {_quoted(entry)}"


def unsaved_entry(trial: Trial) -> str:
    """An entry in full, as text to be saved by hand: the plan and the failure, little evidence.

    Pure ASCII, since it goes over a terminal and back.
    """
    failures = tuple(evolve(failure, details="", frames=()) for failure in trial.outcome.failures)
    lean = evolve(
        trial,
        evidence=Evidence(trial.evidence.ending, trial.evidence.rounds),
        outcome=evolve(trial.outcome, failures=failures, undecided=()),
    )
    return _NOT_ASCII.sub(_json_escape, encode_readable(lean).decode())


def _quoted(entry: Path) -> str:
    path = str(entry)
    if path.isprintable():
        return shlex.quote(path)
    escaped = "".join(map(_shell_escape, os.fsencode(path)))
    return f"$'{escaped}'"


def _shell_escape(byte: int) -> str:
    sign = chr(byte)
    return sign if 0x20 <= byte < 0x7F and sign not in "'\\" else f"\\x{byte:02x}"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
