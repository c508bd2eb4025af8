"""What pytest calls: the options, the items of `--mechanisms`, and the fixture.

Decides when the rest is imported: when there are mechanisms to schedule, or a test takes the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_stressor.options import MECHANISMS, WANTED, add_options, is_on, wanted

if TYPE_CHECKING:
    from pytest_stressor.fixture import RunsMechanism
    from pytest_stressor.items import Selected

PREFIX = "mechanisms::"
"""How the items' names begin; a name on the command line asks for that item, and for `--mechanisms`."""
SEED_OF_SESSION = "stressor_seed"

_SELECTED: pytest.StashKey[Selected] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, so that what is wrong with them is said now."""
    config.addinivalue_line("markers", "mechanism: a mechanism of stressor, see --mechanisms")
    # Of a worker of pytest-xdist: all draw from one seed.
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    config.stash[WANTED] = wanted(config, workerinput.get(SEED_OF_SESSION))
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
