"""The hooks that other plugins may implement for `--stressor`."""

from __future__ import annotations

import pytest


class Specifications:
    """The hooks that plugins may implement."""

    @pytest.hookspec(firstresult=True)
    def pytest_stressor_unfit(self, item: pytest.Item) -> str | None:
        """Say why a test must not run in several threads at once; None when you know of no reason."""
