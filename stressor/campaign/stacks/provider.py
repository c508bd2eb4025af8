"""What a stack provider is, and how one that is a command is run.

A provider is always another process or a signal, never an import: `pystack`'s module, for one,
turns the GIL on in whoever imports it. Which providers there are is `registry`'s list.
"""

import os
import subprocess
from collections.abc import Sequence
from typing import Protocol

SECONDS = 20.0
LONGEST = 200_000  # characters; the stacks of a hundred threads are about half of it


class NoStacks(Exception):
    """The provider has no stacks to give; the message is its reason, in one line."""


class StackProvider(Protocol):
    """Someone who can tell where the threads of a process are."""

    @property
    def name(self) -> str:
        """What `doctor` and the report call it."""

    def obstacle(self) -> str | None:
        """Why it cannot be used here and how to change that; None when nothing is known against it."""

    def dump(self, pid: int) -> str:
        """Return the stacks of all threads as text. Raises `NoStacks`."""


def command_output(command: Sequence[str]) -> str:
    """Run a dumping command to its end, at most `SECONDS`. Raises `NoStacks` when it fails."""
    # A debugger must not wait for a symbol server while a hung child holds memory and its slot.
    environment = {**os.environ, "DEBUGINFOD_URLS": "", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoStacks(f"no answer within {SECONDS:.0f} s") from None
    except OSError as error:
        raise NoStacks(f"{command[0]} cannot be run: {error.strerror}") from None
    text = done.stdout.decode(errors="replace").strip()
    if done.returncode or not text:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise NoStacks(f"exit code {done.returncode}: {said[0][:300]}")
    return text[:LONGEST]
