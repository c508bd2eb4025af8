"""What `--stressor` does in pytest's session: it takes the place of a fit test's set-up, body and end.

Everything else, from marks over `-x` to the report, is pytest's own and stays. The fork server of a
suite is a pytest too, in which this is off.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_stressor.suite.fitness import unfit
from pytest_stressor.suite.options import Asked, asked, marked
from pytest_stressor.suite.runner import Runner, is_free_threaded, own_arguments, refusal
from pytest_stressor.suite.summary import Summary, told_of
from stressor.campaign.suite import Stressed
from stressor.corpus import Corpus
from stressor.errors import StressorError
from stressor.model.trial import Trial
from stressor.report.failure import failure_text
from stressor.targets.suitestate import is_given

REASON: pytest.StashKey[str] = pytest.StashKey()
ASKED: pytest.StashKey[Asked] = pytest.StashKey()
TOLD: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
NOT_TESTED = 5
"""Exit code when no test reached an instrumented place: pytest's own for no tests."""


class Stress:
    """The plugin object of one session with `--stressor`."""

    def __init__(self, runner: Runner, asked: Asked) -> None:
        self._runner = runner
        self._asked = asked
        self._summary = Summary(asked)

    def pytest_report_header(self) -> str:
        """Say what is done, and how to do the same again."""
        asked = self._asked
        return (
            f"stressor: {asked.threads} threads, {asked.rounds} rounds, {asked.mode},"
            f" --stressor-seed={asked.seed}"
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Look at each test once; with `only`, leave those without a known failure out."""
        for item in items:
            item.stash[REASON] = unfit(item)
            item.stash[ASKED] = marked(item, self._asked)
        if self._asked.replay == "only":
            known = [each for each in items if self._runner.knows(each.nodeid)]
            config.hook.pytest_deselected(items=[each for each in items if each not in known])
            items[:] = known

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Put our work in the place of the test's."""
        if isinstance(item, pytest.Function) and not item.stash.get(REASON, "?"):
            item.setup = lambda: None  # type: ignore[method-assign]  # for this run of this item
            item.runtest = lambda: self._run(item)  # type: ignore[method-assign]  # see above
            item.teardown = lambda: None  # type: ignore[method-assign]  # see above
        return (yield)

    def _run(self, item: pytest.Function) -> None:
        __tracebackhide__ = True
        asked = item.stash[ASKED]
        try:
            stressed = self._runner.stress(item, asked, is_given(item.obj))
        except StressorError as error:
            # Nothing will be tested: not this one, and not the others.
            pytest.exit(refusal(error), returncode=int(error.exit_code))
        told = item.stash[TOLD] = told_of(stressed)
        if stressed.skipped:
            pytest.skip(stressed.skipped)
        if stressed.undecided and stressed.failing is None:
            pytest.fail(f"stressor could not tell: {stressed.undecided}", pytrace=False)
        if stressed.failing is not None:
            pytest.fail(self._report(stressed, stressed.failing, item.nodeid, told), pytrace=False)

    def _report(self, stressed: Stressed, trial: Trial, nodeid: str, told: dict[str, Any]) -> str:
        """The failure as text; its first line is what pytest's own summary shows."""
        if stressed.alone:
            return f"fails in one thread too: {told['signature']}\n{failure_text(trial)}"
        told["entry"] = self._runner.keep(trial, nodeid)
        again = "known failure: " if stressed.known else ""
        first = f"{again}{told['signature']}"
        return f"{first}\n{failure_text(trial)}\nstressor replay {told['entry']}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what the summary needs along with the report; it may come from another process."""
        report: Any = yield
        if call.when == "call":
            report.stressor = item.stash.get(TOLD, {"one_thread": item.stash.get(REASON, "")})
        return cast(pytest.TestReport, report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came, in the session that tells it."""
        self._summary.add(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End our processes; do not let silence pass for success."""
        self._runner.close()
        if (
            self._summary.tested_nothing
            and not self._asked.allow_nothing
            and not session.exitstatus
        ):
            session.exitstatus = NOT_TESTED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401 - a private class
        """Tell what was done, found, and not exercised."""
        self._summary.write(terminalreporter)


def switch_on(
    config: pytest.Config, corpus: Path, seed: int, workerinput: Mapping[str, Any]
) -> None:
    """Read the options, and register what does the work. Raises `pytest.UsageError`."""
    if not is_free_threaded():
        config.issue_config_time_warning(
            pytest.PytestWarning("--stressor does nothing: this Python has the GIL on"), 2
        )
        return
    read = asked(config, seed)
    # A worker of pytest-xdist has no command line of its own.
    given = workerinput.get("stressor_arguments", config.invocation_params.args)
    runner = Runner(own_arguments(list(map(str, given))), read, Corpus(corpus), config.rootpath)
    config.pluginmanager.register(Stress(runner, read), "stressor-suite")
