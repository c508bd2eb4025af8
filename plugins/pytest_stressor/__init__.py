"""The pytest plugin of stressor: `pytest --stressor`, `pytest --mechanisms`, and the fixture
`mechanism`.

This module is the plugin. Loading it imports pytest and nothing else, so that a session that does not
use it pays nothing; what it does then is in the modules beside it, imported when it is first asked for.
"""

from pytest_stressor.hooks import (
    mechanism,
    pytest_addhooks,
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_report_header,
)

__all__ = [
    "mechanism",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_report_header",
]
