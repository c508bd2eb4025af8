"""A process that really finalizes its interpreter, as the operation of a probe.

What it does is in `stressor.probes.dying`; its notes are in memory that outlives it, and become those of
the round. No sites reach into it: its threads sleep for short moments instead, drawn from a seed that is
an argument of the operation, plus the number of the round. With the seed 0, as in a rehearsal, they do
all that they do before the process begins to end: what happens then is the same each time.

Whether the process crashes is not decided here: 3.13 may, when a thread that was about to attach uses a
thread state that is freed (gh-124878). What was noted until then counts.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st

from stressor import _probes
from stressor.probes.base import Probe
from stressor.targets.definition import operation

SECONDS = 10
ROOT = str(Path(__file__).parents[2])
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from stressor.probes import dying
dying.main(*sys.argv[2:])
"""
SEEDS = 1 << 32


class EndingProbe(Probe):
    """One process a round that ends. `program` is one of `dying.PROGRAMS`."""

    program: ClassVar[str]
    round = -1
    """The number of the round, from 0 in each trial."""

    def make(self) -> None:
        """Everything is made by the process."""
        self.round += 1

    @operation(seed=st.integers(0, SEEDS - 1))
    def end(self, state: None, seed: int) -> None:
        """Run the process to its end, by whoever comes first."""
        if _probes.forking_join():
            # The rounds of a trial have the same arguments, and often the simplest.
            end(self.program, seed + self.round)
            _probes.forking_leave()


def end(program: str, seed: int) -> None:
    """Run one of `dying.PROGRAMS` to its end, and add its notes to the journal.

    Raises `AssertionError` when it does not end, or ends with an error.
    """
    memory = os.memfd_create("stressor")
    try:
        os.ftruncate(memory, _probes.last_size())
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PROGRAM, ROOT, program, str(memory), str(seed)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=(memory,),
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode <= 0, f"the process ended with an error: {ended.stderr}"
        _probes.last_collect(os.pread(memory, _probes.last_size(), 0))
    except subprocess.TimeoutExpired:
        raise AssertionError(f"finalization did not end within {SECONDS} seconds") from None
    finally:
        os.close(memory)
