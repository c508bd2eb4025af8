"""An exported reproducer runs by itself: in another folder, without the harness it was made from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.hosts import Hosts
from stressor.campaign.scratch import Scratch
from stressor.cli.export import exported_from
from stressor.errors import ExitCode
from stressor.model.outcome import Verdict
from stressor.model.plan import Action, Call, Plan, Rule, Until
from stressor.model.site import Phase
from stressor.report.reproducer import MOST_LINES

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECONDS = 280.0
BEGIN = "op:target:note"

# One thread alone keeps the rule that the check is about; two never do. Nothing is left to chance.
SOURCE = '''"""Notes that one thread makes."""

import threading
from hypothesis import strategies as st
from stressor.targets import Target, operation


class Notes(Target):
    def setup(self):
        return []

    @operation(number=st.integers(0, 9), text=st.text(max_size=3))
    def note(self, notes, number, text):
        notes.append((threading.get_ident(), number))

    @operation
    def look(self, notes):
        assert notes is not None

    def check(self, notes):
        makers = {maker for maker, _ in notes}
        assert len(makers) < 2, sorted({number for _, number in notes})
'''


def run(file: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(file)],
        cwd=file.parent,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_fails_again_and_an_edited_one_does_not(tmp_path: Path) -> None:
    target = tmp_path / "there" / "notes.py"
    target.parent.mkdir()
    target.write_text(SOURCE)
    plan = Plan(
        str(target),
        ((Call("note", "05"),), (Call("note", "0203"),)),
        seed=1,
        rules=(
            Rule(
                Action.HOLD,
                BEGIN,
                Phase.BEFORE,
                0,
                1,
                most_ns=5_000_000,
                until=Until(1, BEGIN, 1),
            ),
        ),
    )
    with Scratch() as scratch, Hosts(scratch) as hosts:
        trial = hosts.carry_out(plan)
        literals = hosts.host(str(target)).literals(plan)
    assert trial.outcome.verdict is Verdict.FAILED

    exported = exported_from(evolve(trial, minimized=True), literals, tmp_path)
    assert exported.standalone
    assert not exported.notes
    assert exported.text.count("\n") <= MOST_LINES
    target.unlink()
    file = tmp_path / "here" / "anything.py"
    file.parent.mkdir()
    shown = [calls[0].shown for calls in trial.evidence.calls]
    # The values stand in the file and are what is called: another one is seen by the check.
    assert f'["{shown[1]}"],' in exported.text
    edited = exported.text.replace(f'["{shown[0]}"]', "[\"note(number=77, text='')\"]")
    assert edited != exported.text
    file.write_text(edited.replace("runs=20", "runs=3"))

    done = run(file)
    assert done.returncode == ExitCode.FAILURES_FOUND, done.stdout + done.stderr
    assert "3/3 failed again: invariant in check of anything.py:check" in done.stdout
    assert "FAILED: invariant in check of anything.py:check" in done.stdout
    assert ", 77]" in done.stdout
    assert "stressor replay" not in done.stdout

    alone = exported.text.replace("runs=20", "runs=1").replace("len(makers) < 2", "len(makers) < 3")
    file.write_text(alone)
    done = run(file)
    assert done.returncode == ExitCode.NOTHING_FOUND, done.stdout + done.stderr
    assert "0/1 failed again" in done.stdout
