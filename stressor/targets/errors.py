"""The one way in which this layer says that a harness cannot be used."""

from stressor.errors import UsageError


class HarnessError(UsageError):
    """The harness is wrong, not the extension under test. The text says where and what to do next."""
