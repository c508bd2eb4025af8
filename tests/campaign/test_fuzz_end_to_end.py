"""The whole tool as a user runs it: real processes, real extensions, short budgets.

Budgets are in trials where a time would depend on the machine; deadlines are generous. What is found
how often is measured in tests/power.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

SHIM = list(Path("stressor").glob("_shim*.so"))
CASES = Path("corpus/cases").resolve()
SECONDS = 280

pytestmark = [
    pytest.mark.slow,
    pytest.mark.native,
    pytest.mark.skipif(not SHIM, reason="the shim is not built"),
]


class Command:
    """Runs `stressor` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}

    def start(self, *arguments: str | Path, **extra: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "stressor.cli", *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str | Path, **extra: str) -> tuple[int, str, str]:
        with self.start(*arguments, **extra) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        return process.returncode, out, err


@pytest.fixture
def stressor(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_race_is_found_minimized_kept_and_replayed(stressor: Command, tmp_path: Path) -> None:
    case = CASES / "buggy" / "lost_update"

    # One trial in four fails: 40 miss it with 0.75**40 = 1e-5.
    code, out, err = stressor(
        "fuzz", case, "--trials", "40", "--time", "120", "--seed", "3", "--json"
    )

    assert code == 1, err
    [campaign] = json.loads(out)["campaigns"]
    [entry] = {each["entry"] for each in campaign["failures"] if each["minimized"]}
    kept = json.loads((tmp_path / entry).read_text())["trial"]
    assert len(kept["plan"]["program"]) == 2
    assert kept["origin"]["interpreter"]

    code, out, err = stressor("replay", entry, "-n", "10", "--json")

    assert code == 1, err
    # Kept at 17 of 20 or more: fewer than 3 of 10 come with less than 1e-5.
    assert json.loads(out)["hits"] >= 3

    code, out, _ = stressor("fuzz", case, "--trials", "1", "--no-minimize", "--seed", "4")

    assert code == 1
    assert "[known before]" in out


def test_correct_twin_is_silent(stressor: Command) -> None:
    case = CASES / "correct" / "lost_update"

    code, out, err = stressor("fuzz", case, "--trials", "40", "--time", "200", "--seed", "3")

    assert code == 0, out + err
    assert "40 trials" in out
    assert not (stressor.folder / ".stressor").exists()


def test_jobs_work_side_by_side(stressor: Command) -> None:
    case = CASES / "correct" / "check_then_act"

    code, out, err = stressor(
        "fuzz", case, "--trials", "30", "--jobs", "3", "--time", "200", "--json"
    )

    assert code == 0, out + err
    [campaign] = json.loads(out)["campaigns"]
    assert campaign["trials"] == 30
    assert campaign["verdicts"] == {"passed": 30}


def test_interrupt_ends_with_the_summary_and_leaves_no_process(stressor: Command) -> None:
    process = stressor.start("fuzz", CASES / "correct" / "lost_update", "--time", "250")
    try:
        assert process.stderr is not None
        # The first is the seed, the second what is loaded, the next says that trials are under way.
        process.stderr.readline()
        assert "loading" in process.stderr.readline()
        assert "exploring" in process.stderr.readline()
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 130
    assert "interrupted: less was tried" in out
    assert "no failure found" in out
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def test_harness_that_is_missing_or_broken_is_exit_2(stressor: Command) -> None:
    code, _, err = stressor("fuzz", "no_such.py")
    assert code == 2
    assert "no_such.py: there is no such file" in err

    (stressor.folder / "broken.py").write_text(
        "def SETUP():\n    return []\ndef pop(s):\n    s.pop()\nOPS = {'pop': pop}\n"
    )
    code, _, err = stressor("fuzz", "broken.py")
    assert code == 2
    assert "IndexError" in err
    assert "Traceback (most recent call last)" in err
    assert "fault of stressor" not in err


def test_interpreter_with_the_gil_is_exit_3(stressor: Command) -> None:
    code, _, err = stressor("fuzz", CASES / "correct" / "lost_update", PYTHON_GIL="1")

    assert code == 3
    assert "GIL" in err


def test_sites_of_a_module(stressor: Command) -> None:
    code, out, err = stressor("sites", "_csv", "--json")

    assert code == 0, err
    slots = json.loads(out)["slots"]
    append = next(slot for slot in slots if slot["symbol"] == "PyList_Append")
    assert append["category"] == "container"
    assert append["relocation"] == "JUMP_SLOT"

    code, _, err = stressor("sites", "no_such_module")
    assert code == 2
    assert err.count("\n") == 1


def test_doctor_says_ready_where_the_tests_run(stressor: Command) -> None:
    code, out, err = stressor("doctor", "--json")

    assert code == 0, out + err
    report = json.loads(out)
    assert report["ready"]
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert states["shim"] == states["GIL"] == states["compiler"] == "ok"


def test_doctor_refuses_the_gil(stressor: Command) -> None:
    code, out, _ = stressor("doctor", PYTHON_GIL="1")

    assert code == 3
    assert "fail  GIL" in out
    assert "unset PYTHON_GIL" in out
