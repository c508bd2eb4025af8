"""Scoring over processes: the same rows as in one, and nothing left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stressor.cli.main import run
from stressor.corpus.write import DRAFT

pytestmark = pytest.mark.slow

SCORE = ["models", "score", "lk-once", "--seeds", "2", "--runs", "50", "--strategy", "plain-walk"]
SECONDS = 120.0


def rows(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("| lk-once")]


def test_processes_make_the_same_rows(tmp_path: Path) -> None:
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    codes = {run([*SCORE, "--out", str(one)]), run([*SCORE, "-j", "2", "--out", str(two)])}
    assert len(codes) == 1
    assert rows(one)
    assert rows(one) == rows(two)
    assert not multiprocessing.active_children()


def test_an_interrupted_scoring_keeps_what_is_done(tmp_path: Path) -> None:
    file = tmp_path / "score.json"
    command = [sys.executable, "-m", "stressor.cli", "models", "score", "-j", "2"]
    command += ["--resume", str(file), "--strategy", "plain-walk"]
    with subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    ) as scoring:
        assert scoring.stdout is not None
        first = scoring.stdout.readline()
        # As Ctrl-C does: to all processes of the group.
        os.killpg(scoring.pid, signal.SIGINT)
        _, said = scoring.communicate(timeout=SECONDS)
    assert "plain-walk" in first
    assert scoring.returncode == 130
    assert said.strip() == "stressor: interrupted."
    assert first.split()[0] in file.read_text()
    assert not list(tmp_path.glob(f"*{DRAFT}"))
    with pytest.raises(ProcessLookupError):
        wait_for_end(scoring.pid)


def wait_for_end(group: int) -> None:
    """Raises `ProcessLookupError` when the group has no process any more."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        os.killpg(group, 0)
        time.sleep(0.1)
