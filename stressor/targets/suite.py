"""A pytest suite as a target: each test's body is an operation, its fixtures are the state.

The target's name is ``pytest:`` and pytest's own arguments (files, folders, node ids), as a shell would
read them. Decides how a test is taken apart: collected by pytest itself, with the project's conftest
files, plugins and assertion rewriting; set up by pytest's own set-up state; only the body is ours to
call, from several threads. Which tests are fit for that is the plugin's decision.

Of pytest's own parts this uses `Session.from_config` and `SetupState`, which have no public form.
"""

import os
import shlex
import sys
import unittest
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from stressor.targets.errors import HarnessError
from stressor.targets.harness import Harness, Operation
from stressor.targets.modules import own_modules
from stressor.targets.suitestate import Prepared, is_given, prepared, strategies_of

if TYPE_CHECKING:
    import pytest

SCHEME = "pytest:"
QUIET = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:terminalreporter")
IN_CHILD = "STRESSOR_SUITE"
"""Set in the environment of a process that is a suite's fork server: our plugin does nothing there."""


def is_suite(target: str) -> bool:
    """Whether a target's name means a suite."""
    return target.startswith(SCHEME)


def suite_of(arguments: Collection[str]) -> str:
    """The target's name for pytest's arguments."""
    return SCHEME + shlex.join(arguments)


def load_suite(target: str) -> Harness:
    """Collect the suite. Raises `HarnessError` when pytest cannot, or finds nothing."""
    try:
        arguments = shlex.split(target.removeprefix(SCHEME))
    except ValueError as error:
        raise HarnessError(f"{target}: {error}.") from None
    before = set(sys.modules)
    os.environ[IN_CHILD] = "1"
    items = _collect(target, arguments)
    operations = tuple(filter(None, map(_operation, items)))
    if not operations:
        raise HarnessError(f"{target}: pytest found no test function there.")
    suite = _Suite({item.nodeid: item for item in items})
    namespace: dict[str, object] = {}
    for item in items:
        namespace.update(vars(getattr(item, "module", None) or os))
    return Harness(
        name=target,
        operations=operations,
        setup=lambda: None,
        prepare=suite.prepare,
        teardown=suite.teardown,
        modules=own_modules(set(sys.modules) - before, namespace),
        rehearsed=False,
    )


def _collect(target: str, arguments: list[str]) -> list["pytest.Item"]:
    # Here, not above: other targets do without pytest.
    from _pytest.config import _prepareconfig  # noqa: PLC0415 - see above
    from _pytest.main import Session  # noqa: PLC0415 - see above

    try:
        errors = _Errors()
        config = _prepareconfig([*QUIET, *arguments], [errors])
        session = Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        session.perform_collect()
    except BaseException as error:
        # UsageError, SystemExit of an option, an error in a conftest file: all are the suite's.
        raise HarnessError(f"{target}: pytest cannot collect it: {error!r}") from None
    if errors.told:
        raise HarnessError(f"{target}: pytest cannot collect it:\n{errors.told[0]}")
    return session.items


class _Errors:
    """A plugin that notes what could not be collected."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Pytest's hook."""
        if report.failed:
            self.told.append(report.longreprtext)


def _operation(item: "pytest.Item") -> Operation | None:
    """One test as an operation; None for what is no function: a doctest, a plugin's own item."""
    import pytest  # noqa: PLC0415 - see above

    if not isinstance(item, pytest.Function):
        return None
    name = item.nodeid

    def call(state: Mapping[str, Prepared], **drawn: object) -> None:
        state[name].call(drawn)

    legal = (pytest.skip.Exception, pytest.xfail.Exception, unittest.SkipTest)
    return Operation(name, call, legal=legal, draw=_draw_of(item))


def _draw_of(item: "pytest.Function") -> Callable[[str], dict[str, object]] | None:
    """A `@given` test's strategies are what every other operation has: drawn, and shrunk, by us."""
    if not is_given(item.obj):
        return None
    from stressor.targets.arguments import Drawing  # noqa: PLC0415 - hypothesis only where it is used

    return Drawing(item.nodeid, strategies_of(item)).draw


@define
class _Suite:
    """The collected tests. Of a trial's round: sets up those that it calls, and takes them down."""

    items: Mapping[str, Any]

    def prepare(self, names: Collection[str]) -> dict[str, Prepared]:
        return {name: prepared(self.items[name]) for name in sorted(names)}

    def teardown(self, state: object) -> None:
        assert isinstance(state, dict)
        for each in state.values():
            each.finish()


@frozen
class Where:
    """The files of a node id, for a target that holds no more than this test."""

    nodeid: str

    def target(self, root: Path) -> str:
        """The file's suite, relative to where the session was started if it lies there."""
        return suite_of([os.path.relpath(root / self.nodeid.partition("::")[0])])
