"""Scenarios are built once a session; every scene is played in a process of its own."""

from pathlib import Path

import pytest

from tests.native.children import Theatre
from tests.native.extensions import Extensions


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Extensions:
    return Extensions(tmp_path_factory.mktemp("scenarios"))


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path)
