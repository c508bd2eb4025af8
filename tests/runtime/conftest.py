"""Targets written into a temporary folder, each with a host: every test is a trial in a child.

Deadlines are generous because the machine may be busy; nothing here asserts how long anything took.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressor.campaign.host import Host
from stressor.campaign.scratch import Scratch
from stressor.model.evidence import Evidence
from stressor.model.plan import Call, Limits, Plan

QUICK = Limits(seconds=1.0)
"""For children that are meant to hang."""


class Stage:
    """A target and its host."""

    def __init__(self, file: Path, slot: Path) -> None:
        self.file = file
        self.host = Host(str(file), slot)

    def plan(
        self, *threads: str, rounds: int = 1, seed: int = 1, limits: Limits | None = None
    ) -> Plan:
        """One text of operation names for each thread; a colon separates entropy."""
        program = tuple(
            tuple(Call(*call.split(":")) for call in calls.split()) for calls in threads
        )
        limits = limits or Limits(seconds=60.0)
        return Plan(str(self.file), program, seed, rounds=rounds, limits=limits)

    def run(
        self, *threads: str, rounds: int = 1, seed: int = 1, limits: Limits | None = None
    ) -> Evidence:
        """Carry such a plan out."""
        return self.host.run(self.plan(*threads, rounds=rounds, seed=seed, limits=limits))


class Stages:
    """Makes stages from the sources of targets."""

    def __init__(self, folder: Path, scratch: Scratch) -> None:
        self._folder = folder
        self._scratch = scratch
        self.made: list[Stage] = []

    def __call__(self, source: str) -> Stage:
        """Write the target and make its host, which is not started yet."""
        file = self._folder / f"target_{len(self.made)}.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        self.made.append(Stage(file, self._scratch.slot()))
        return self.made[-1]


@pytest.fixture(scope="session")
def scratch() -> Iterator[Scratch]:
    """One scratch folder for all hosts of the session."""
    with Scratch() as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path, scratch: Scratch) -> Iterator[Stages]:
    """Make stages; all are closed at the end of the test."""
    stages = Stages(tmp_path, scratch)
    yield stages
    for each in stages.made:
        each.host.close()
