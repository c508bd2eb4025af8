"""Carrying out the tests of one session: one fork server for its suite, one corpus, one canary.

Decides which arguments of pytest the fork server gets, so that it collects the same tests; which modules
are instrumented; and what is kept of a failure. What a test gets to do is `stressor.campaign.suite`'s.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from pytest_stressor.suite.options import OPTIONS, Asked
from stressor.campaign.origin import origin_of
from stressor.campaign.session import Session, open_session
from stressor.campaign.settings import Mode, Settings
from stressor.campaign.suite import Stressed, Suite, Wants
from stressor.corpus import Corpus
from stressor.errors import ExitCode, StressorError
from stressor.minimize import Effort, minimize
from stressor.model.plan import Limits
from stressor.model.trial import Trial
from stressor.targets.suite import Where, suite_of

EXECUTIONS = 100
"""Of one minimization, at most: a suite has many tests, and somebody waits for it."""

TAKES_VALUE = (
    *(
        "-n",
        "--numprocesses",
        "--dist",
        "--tx",
        "--maxprocesses",
        "--junitxml",
        "--junit-xml",
        "-p",
    ),
    *("--junitprefix", "--durations", "--durations-min", "--maxfail", "--cov", "--cov-report"),
    *(each.flag for each in OPTIONS),
)
DROPPED = (
    *TAKES_VALUE,
    *(
        "--stressor",
        "--mechanisms",
        "--lf",
        "--last-failed",
        "--ff",
        "--failed-first",
        "--nf",
        "--sw",
    ),
    *("--stepwise", "--cache-", "--cov", "--durations", "--pdb", "--trace", "--junit", "--co"),
    *("--collect-only", "-x", "--exitfirst", "--report-log", "--html", "-r"),
)
"""Options that are of the session and not of the tests, by their beginning."""


@dataclass
class Kept:
    """What became of a failure: its report as text, and where it is kept."""

    text: str
    entry: str = ""


@dataclass
class Runner:
    """Stresses the tests of one session. Opens nothing before the first one."""

    arguments: Sequence[str]
    asked: Asked
    corpus: Corpus
    root: Path
    _stack: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None
    _known: dict[str, list[Trial]] | None = None

    @property
    def target(self) -> str:
        """The session's suite."""
        return suite_of(self.arguments)

    def stress(self, item: pytest.Function, asked: Asked, draws: bool) -> Stressed:
        """Stress one test. Raises `StressorError` when nothing can be tested."""
        session = self._opened()
        settings = self._settings(asked)
        hello = session.hello(self.target, settings.modules)
        shrink = self._shrink if asked.minimize else None
        origin = origin_of(hello.interpreter, hello.own_modules)
        suite = Suite(self.target, session.carry_out, origin, shrink)
        wants = Wants(
            item.nodeid, asked.threads, asked.rounds, settings, draws, self._known_of(item.nodeid)
        )
        return suite.stress(wants)

    def keep(self, trial: Trial, nodeid: str) -> str:
        """Write a failure, for a target that is its file alone; returns the entry's file."""
        target = Where(nodeid).target(self.root)
        return str(self.corpus.keep(evolve(trial, plan=evolve(trial.plan, target=target))))

    def knows(self, nodeid: str) -> bool:
        """Whether the corpus has failures of this test."""
        return bool(self._known_of(nodeid))

    def close(self) -> None:
        """End all processes."""
        self._stack.close()
        self._session = None

    def _opened(self) -> Session:
        if self._session is None:
            self._session = self._stack.enter_context(open_session())
            self._session.catch_canary()
        return self._session

    def _settings(self, asked: Asked) -> Settings:
        return Settings(
            self.target,
            asked.seed,
            modules=asked.modules or project_modules(self.root),
            modes=(Mode(asked.mode),),
            strategies=asked.strategies,
            limits=Limits(asked.deadline),
        )

    def _shrink(self, trial: Trial, carry_out: Any, doing: Callable[[str], None]) -> Trial:  # noqa: ANN401 - a CarryOut
        effort = Effort(self.asked.minimize, EXECUTIONS)
        return minimize(trial, carry_out, effort, lambda search: None, lambda: False)

    def _known_of(self, nodeid: str) -> tuple[Trial, ...]:
        """The corpus's failures of a test, as plans of this session's suite."""
        if self.asked.replay == "off":
            return ()
        if self._known is None:
            self._known = {}
            for target in {Where(each).target(self.root) for each in (nodeid,)}:
                self._read(target)
        target = Where(nodeid).target(self.root)
        if target not in self._known:
            self._read(target)
        return tuple(
            evolve(trial, plan=evolve(trial.plan, target=self.target))
            for trial in self._known[target]
            if any(call.op == nodeid for thread in trial.plan.program for call in thread)
        )

    def _read(self, target: str) -> None:
        assert self._known is not None
        self._known[target] = [trial for _, trial in self.corpus.known(target).entries]


def own_arguments(given: Sequence[str]) -> list[str]:
    """What of pytest's command line says which tests there are."""
    kept: list[str] = []
    words = iter(given)
    for word in words:
        if word in TAKES_VALUE:
            next(words, None)
        elif not word.startswith(DROPPED):
            kept.append(word)
    return kept


def project_modules(root: Path) -> tuple[str, ...]:
    """Globs for the extension modules of the distribution that the project at `root` builds.

    By the name in `pyproject.toml`. Empty where there is none, or none that is installed with extension
    modules: then those that the tests load are taken.
    """
    try:
        name = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "name"
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError):
        return ()
    return tuple(sorted(set(_extensions(str(name), root))))


def _extensions(name: str, root: Path) -> Iterator[str]:
    wanted = name.lower().replace("-", "_")
    for each in distributions():
        if (each.name or "").lower().replace("-", "_") != wanted:
            continue
        for file in each.files or ():
            path = Path(str(file.locate()))
            if path.suffix == ".so":
                yield str(path.resolve())
            elif path.suffix == ".pth" or path.name.startswith("__editable__"):
                yield f"{root}/*.so"


def is_free_threaded() -> bool:
    """Whether threads run in parallel here at all."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def refusal(error: StressorError) -> str:
    """Why nothing can be tested, for the end of the session."""
    code = ExitCode(error.exit_code).name.lower().replace("_", " ")
    return f"stressor ({code}): {error.message}"
