"""What stressor says when it cannot go on: a message for a person, and the exit code.

Every error that a user may meet derives from `StressorError`; the command line prints its message
and nothing else. What is not one of them is stressor's own fault: a traceback and exit code 4.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command.

    `USAGE` is for all that the user can put right: arguments, files, a folder that cannot be written.
    """

    NOTHING_FOUND = 0
    FAILURES_FOUND = 1
    USAGE = 2
    NOT_TESTED = 3
    INTERNAL = 4


class StressorError(Exception):
    """Something to tell the user: what is wrong and what to do next, in whole sentences."""

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageError(StressorError):
    """What the user gave cannot be used."""

    exit_code = ExitCode.USAGE


class NotTestedError(StressorError):
    """Nothing is known about the target, because it could not be tested."""

    exit_code = ExitCode.NOT_TESTED
