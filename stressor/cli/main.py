"""The `stressor` command: its subcommands and its version."""

import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from stressor import __version__
from stressor.cli.boundary import exit_code_of
from stressor.cli.choices import OpensSession
from stressor.cli.corpus import corpus
from stressor.cli.doctor import doctor
from stressor.cli.export import export
from stressor.cli.fuzz import fuzz
from stressor.cli.interpreter import interpreter
from stressor.cli.minimize import minimize
from stressor.cli.models import models
from stressor.cli.probe import probe_command
from stressor.cli.replay import replay
from stressor.cli.sites import sites

EPILOG = """\b
Exit codes of every command:
  0  nothing found on what was exercised     3  could not test
  1  failures found                          4  a fault of stressor itself
  2  wrong usage, or a broken harness      130  interrupted, nothing found

\b
Start here:
  stressor doctor                    can it work on this machine?
  stressor fuzz target.py            look for races for one minute
  stressor replay ENTRY              run a failure that was found again
"""


@click.group(
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="stressor")
def stressor() -> None:
    """Find races in extension modules for free-threaded CPython.

    It runs your operations from several threads on the unmodified extension and pauses threads at the
    places inside where another thread can do harm. What fails is minimized, kept and replayable.
    """


for command in (fuzz, replay, minimize, export, corpus, sites, models, doctor, interpreter):
    stressor.add_command(command)
models.add_command(probe_command)


def run(arguments: Sequence[str] | None = None, opens: OpensSession | None = None) -> int:
    """Run one command line; returns its exit code, whatever happens."""
    return exit_code_of(
        lambda: stressor.main(arguments, prog_name="stressor", standalone_mode=False, obj=opens)
    )


def main() -> NoReturn:
    """The console script. SIGTERM ends a command as Ctrl-C does, with everything cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run())
