"""The command line: one file per command. No logic: options in, one call, a rendering, an exit code."""

from stressor.cli.main import main

__all__ = ["main"]
