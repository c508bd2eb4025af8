"""Scenarios are built once a session; every scene is played in a process of its own."""

import os
from pathlib import Path

import pytest

from tests.native.children import Theatre
from tests.native.extensions import Extensions

# Finding calls takes the disassembler, which is loaded so (RTLD_DEEPBIND) that the sanitizer's
# runtime ends the process at once.
collect_ignore = (
    ["test_callsites.py", "test_redirection.py"] if os.environ.get("STRESSOR_SANITIZED") else []
)


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Extensions:
    return Extensions(tmp_path_factory.mktemp("scenarios"))


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path)
