"""The shim's shared tables under plain threads; `native/tests/sanitize.py` watches the same program."""

import subprocess
from pathlib import Path

import pytest

from tests.native.extensions import CFLAGS, INCLUDES, SOURCES, compiler

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECONDS = 120.0  # some hundred times what it takes


def test_the_tables_hold_together(tmp_path: Path) -> None:
    made = tmp_path / "threads_shim"
    native = SOURCES.parent
    flags = [flag for flag in CFLAGS if flag != "-shared"]
    folders = [f"-I{native / 'include'}", f"-I{native / 'src'}", *INCLUDES]
    build = [compiler(), *flags, *folders, str(SOURCES / "threads_shim.c"), "-o", str(made)]
    subprocess.run([*build, "-pthread", "-ldl"], check=True, timeout=SECONDS)
    done = subprocess.run([made], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
