"""The command line: one file per command. No logic: options in, one call, a rendering, an exit code."""

import sys
from typing import NoReturn

INTERRUPTED = 130  # as `campaign.report` has it, which is not imported yet


def main() -> NoReturn:
    """The console script: thin, so that Ctrl-C while the rest is imported is no traceback."""
    try:
        from stressor.cli.main import main as run_main  # noqa: PLC0415 - see above

        run_main()
    except KeyboardInterrupt:
        sys.stderr.write("stressor: interrupted.\n")
        sys.exit(INTERRUPTED)


__all__ = ["main"]
