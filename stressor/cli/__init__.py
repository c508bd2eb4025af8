"""The command line: one file per command. No logic: options in, one call, a rendering, an exit code.

Ctrl-C is caught from here on, so nothing is imported before that except what Python has loaded
itself: even `typing` takes long enough to be interrupted in.
"""

import sys

INTERRUPTED = 130  # as `campaign.report` has it, which is not imported yet


def main() -> None:
    """The console script; never returns. Ctrl-C while the rest is imported is no traceback."""
    try:
        from stressor.cli.main import main as run_main  # noqa: PLC0415 - see above

        run_main()
    except KeyboardInterrupt:
        sys.stderr.write("stressor: interrupted.\n")
        sys.exit(INTERRUPTED)


__all__ = ["main"]
