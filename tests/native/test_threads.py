"""The shim's shared tables, and its turnstile, under plain threads; registers across a redirected call.

`native/tests/sanitize.py` watches the same programs.
"""

import platform
import subprocess
from pathlib import Path

import pytest

from tests.native.extensions import CFLAGS, INCLUDES, SOURCES, compiler

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECONDS = 120.0  # some hundred times what it takes

PROGRAMS = ["threads_shim", "threads_turns"]
if platform.machine() == "x86_64":
    PROGRAMS.append("registers")  # of what is redirected, which is known for this machine alone


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_comes_to_its_end(tmp_path: Path, program: str) -> None:
    made = tmp_path / program
    native = SOURCES.parent
    flags = [flag for flag in CFLAGS if flag != "-shared"]
    folders = [f"-I{native / 'include'}", f"-I{native / 'src'}", *INCLUDES]
    build = [compiler(), *flags, *folders, str(SOURCES / f"{program}.c"), "-o", str(made)]
    subprocess.run([*build, "-pthread", "-ldl"], check=True, timeout=SECONDS)
    done = subprocess.run([made], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
