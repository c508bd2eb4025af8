"""Sessions of pytest within tests: each in a folder of its own, with the plugin of this checkout."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 240.0


class Sessions:
    """Runs pytest with the plugin, in this process or in one of its own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path

    def __call__(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess("-p", "pytest_stressor", *arguments)

    def apart(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(
            "-p", "pytest_stressor", *arguments, timeout=SECONDS
        )


@pytest.fixture
def sessions(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    path = [str(ROOT), str(ROOT / "plugins"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    # What a developer has set for this session is not for those within it.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Sessions(pytester)
