"""The one way in which this layer says that a harness cannot be used."""

from stressor.errors import ExitCode, UsageError


class HarnessError(UsageError):
    """The harness is wrong, not the extension under test. The text says where and what to do next."""


class NoRoomError(HarnessError):
    """The harness may be fine, but there is no folder to build it in."""

    exit_code = ExitCode.NOT_TESTED
