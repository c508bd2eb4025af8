"""Where exceptions end: every way in which a command can fail becomes a message and an exit code.

Decides which code. What a user can do something about is one clear message without a traceback; what
is left is stressor's own fault, is said to be that, and its traceback is saved for a bug report.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from stressor import __version__
from stressor.campaign.report import INTERRUPTED
from stressor.errors import ExitCode, StressorError
from stressor.interpreter import CouldNotTest
from stressor.report.plain import plain_lines
from stressor.targets.errors import HarnessError

EXPECTED = (StressorError, HarnessError, CouldNotTest)

FAULT_HEADING = "This is a fault of stressor itself, not of what it tests."


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command; its return value, or the code for what it raised, which has been printed."""
    try:
        code = command()
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted.")
        return INTERRUPTED
    except OSError as error:
        return _explain_system(error)
    except Exception as error:  # every other failure, down to our own faults
        return _explain(error)
    return code if isinstance(code, int) else ExitCode.NOTHING_FOUND


def _explain_system(error: OSError) -> int:
    """Output that cannot be written is the user's to put right, and no fault of ours."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone, as `head` does; nothing is left to say it to.
        _discard_output()
        return ExitCode.NOTHING_FOUND
    if error.filename is not None or not _output_is_broken():
        return _explain(error)
    _discard_output()
    say(f"the results cannot be written to standard output: {error.strerror or error}.")
    return ExitCode.INTERNAL


def _output_is_broken() -> bool:
    """Ask by writing: an empty line more does no harm where it is not."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _discard_output() -> None:
    """Send what is left nowhere, so that the interpreter's last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    """Say what is wrong, with a traceback only if the wrong is our own."""
    if isinstance(error, click.ClickException):
        say(_one_line(error))
        return ExitCode.USAGE
    code = getattr(error, "exit_code", ExitCode.INTERNAL)
    if isinstance(error, EXPECTED) and code != ExitCode.INTERNAL:
        say(str(error))
        return int(code)
    report_fault(error)
    return ExitCode.INTERNAL


def say(text: str) -> None:
    """One message on standard error; it may quote a stranger's file, which moves no cursor."""
    click.echo("\n".join(plain_lines(f"stressor: {text}")), err=True)


def report_fault(fault: BaseException) -> None:
    """Print a fault of stressor's own with its traceback, and save it for a bug report."""
    text = "".join(traceback.format_exception(fault))
    saved = _save(text)
    click.echo(f"\n{FAULT_HEADING}\n{'=' * len(FAULT_HEADING)}", err=True)
    click.echo(text.rstrip(), err=True)
    where = f"The traceback is saved in {saved}. " if saved else ""
    say(f"{where}Please report it, with this file and the output of `stressor doctor`.")


def _save(text: str) -> Path | None:
    about = f"stressor {__version__}\nPython {sys.version}\n{sys.platform}\n{sys.argv}\n\n"
    try:
        handle, name = tempfile.mkstemp(prefix="stressor-fault-", suffix=".txt", text=True)
        with os.fdopen(handle, "w", errors="replace") as file:
            file.write(about + text)
    except OSError:
        return None
    return Path(name)


def _one_line(error: click.ClickException) -> str:
    said = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    return f"{said}{hint}"
