"""What pytest calls: the options, the items of `--mechanisms`, and the fixture.

Decides when the rest is imported: when there are mechanisms to schedule, a test takes the fixture, or
`--stressor` is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_stressor.options import MECHANISMS, WANTED, add_options, is_on, wanted
from pytest_stressor.suite import options as suite
from pytest_stressor.suite.specifications import Specifications

if TYPE_CHECKING:
    from pytest_stressor.fixture import RunsMechanism
    from pytest_stressor.items import Selected

PREFIX = "mechanisms::"
"""How the items' names begin; a name on the command line asks for that item, and for `--mechanisms`."""
SEED_OF_SESSION = "stressor_seed"
ARGUMENTS = "stressor_arguments"

_SELECTED: pytest.StashKey[Selected] = pytest.StashKey()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Say which hooks other plugins may implement for us."""
    pluginmanager.add_hookspecs(Specifications)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    suite.add_options(add_options(parser), parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, so that what is wrong with them is said now."""
    config.addinivalue_line("markers", "mechanism: a mechanism of stressor, see --mechanisms")
    config.addinivalue_line("markers", suite.MARKER_LINE)
    config.addinivalue_line("markers", suite.UNFIT_LINE)
    # Of a worker of pytest-xdist: all draw from one seed.
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    config.stash[WANTED] = wanted(config, workerinput.get(SEED_OF_SESSION))
    if suite.is_on(config):
        from pytest_stressor.suite.hooks import switch_on  # noqa: PLC0415 - loads stressor

        switch_on(config, config.stash[WANTED].corpus, config.stash[WANTED].seed, workerinput)
    names = [each for each in config.args if each.startswith(PREFIX)]
    if not names and not is_on(config, MECHANISMS):
        return
    from pytest_stressor.items import select  # noqa: PLC0415 - loads the models

    # No file has such a name, and pytest would refuse it.
    config.args = [each for each in config.args if each not in names]
    config.stash[_SELECTED] = select(
        config.stash[WANTED], [each.removeprefix(PREFIX) for each in names]
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - its class is in pytest-xdist
    """Give a worker of pytest-xdist the session's seed."""
    node.workerinput[SEED_OF_SESSION] = node.config.stash[WANTED].seed
    node.workerinput[ARGUMENTS] = list(node.config.invocation_params.args)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say how to do the same again, and what is missing."""
    selected = config.stash.get(_SELECTED, None)
    return selected.told if selected is not None else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the mechanisms, before anything is deselected."""
    selected = config.stash.get(_SELECTED, None)
    if selected is not None:
        items += session.genitems(selected.collector(session))


@pytest.fixture
def mechanism(request: pytest.FixtureRequest) -> RunsMechanism:
    """Schedule a mechanism of your own, or a bundled one, and fail when an invariant breaks.

    `mechanism(Cache)` draws schedules, `mechanism(Cache, exhaustive=True)` goes through all states and
    fails unless that is a proof, `mechanism(Cache, defect="no-lock")` fails unless the defect is found.
    What breaks is minimized, told with a column for each thread, and kept in the corpus.
    """
    from pytest_stressor.fixture import RunsMechanism  # noqa: PLC0415 - loads the models

    return RunsMechanism(request.config.stash[WANTED])
