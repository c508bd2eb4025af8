"""Ctrl-C while a command is still being imported: a message and an exit code, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Interrupts the import of one module, as a signal that arrives just then would.
INTERRUPT = """
import sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {name!r}: raise KeyboardInterrupt
sys.meta_path.insert(0, Finder)
"""


def interrupted(folder: Path, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with this command line, and interrupt it when it imports the module."""
    folder.joinpath("sitecustomize.py").write_text(INTERRUPT.format(name=name), encoding="utf-8")
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", ["stressor.cli.main", "click", "stressor.campaign.session"])
def test_a_command_that_is_interrupted_while_it_starts(tmp_path: Path, name: str) -> None:
    done = interrupted(tmp_path, name, "-m", "stressor.cli", "corpus", "list")

    assert (done.returncode, done.stderr) == (130, "stressor: interrupted.\n")


@pytest.mark.parametrize("name", ["argparse", "stressor.provision.dev"])
def test_dev_that_is_interrupted_while_it_starts(tmp_path: Path, name: str) -> None:
    done = interrupted(tmp_path, name, "dev", "--help")

    assert done.returncode == 130
    assert done.stderr.startswith("./dev: interrupted;")
    assert done.stderr.count("\n") == 1


def test_nothing_is_imported_before_interrupts_are_caught() -> None:
    # What is imported outside of `main` cannot be guarded by it.
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
        "import stressor.cli\n"
        "print(*sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.split() == ["stressor", "stressor.cli"]
