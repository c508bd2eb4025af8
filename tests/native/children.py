"""Plays a scene in a process of its own, since scenes crash and hang.

A scene is a function of `tests.native.scenes`, called with a `Stage` and plain data; what it returns
comes back as JSON. The parent reads the record, as the campaign does. A child that does not end is
killed with its group, and that fails the test: no test looks at a clock.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate

from attrs import frozen

import stressor
from stressor.model.record import Reading, read_record
from tests.native.stage import Stage

ROOT = Path(stressor.__file__).parent.parent
SECONDS = 120.0  # many times what any scene takes

# A child that hangs says where, before it is killed.
HANGING_SECONDS = SECONDS - 10

Scene = Callable[Concatenate[Stage, ...], object]


@frozen
class Seen:
    """What was seen of a child. `code` is the exit code, or the negative signal number."""

    code: int
    value: Any
    stdout: str
    stderr: str
    record: Path

    @property
    def reading(self) -> Reading:
        """The record as the child left it."""
        return read_record(self.record)

    def visits(self, symbol: str) -> int:
        """Visits to all sites of one symbol."""
        return sum(site.visits for site in self.reading.sites if site.symbol == symbol)


class Theatre:
    """Where scenes are played; `folder` takes what they leave behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._played = 0

    def attempt(
        self,
        scene: Scene,
        *arguments: object,
        needs: Sequence[Path] = (),
        environ: dict[str, str] | None = None,
    ) -> Seen:
        """Play `scene`, however it ends. `needs` are the extension modules that it can import."""
        self._played += 1
        stem = self.folder / f"{scene.__name__}-{self._played}"
        record, result = stem.with_suffix(".bin"), stem.with_suffix(".json")
        order = {
            "module": scene.__module__,
            "scene": scene.__name__,
            "arguments": arguments,
            "folders": sorted({str(path.parent) for path in needs}),
            "record": str(record),
            "result": str(result),
            "hanging": HANGING_SECONDS,
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.native.stage", json.dumps(order)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
            | (environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            stdout, stderr = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            stdout, stderr = child.communicate()
            raise AssertionError(f"{scene.__name__} hung:\n{stdout}{stderr}") from None
        value = json.loads(result.read_text()) if result.exists() else None
        return Seen(child.returncode, value, stdout, stderr, record)

    def play(self, scene: Scene, *arguments: object, needs: Sequence[Path] = ()) -> Seen:
        """Play a scene that must end well."""
        seen = self.attempt(scene, *arguments, needs=needs)
        assert seen.code == 0, f"{scene.__name__} ended with {seen.code}:\n{seen.stderr}"
        return seen
