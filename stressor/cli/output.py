"""How commands print: results to standard output, everything about them to standard error.

So that `--json` can be piped, and a progress display never ends in a file.
"""

import json

import click
from rich.console import Console

FILE_WIDTH = 1000


def print_json(data: object) -> None:
    """One document, indented: read by machines, now and then by people."""
    click.echo(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False))


def console() -> Console:
    """For results. Text is printed as it is: no markup, no highlighting, long lines kept."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    if not out.is_terminal:
        # A file has no width: nothing in a table is to be cut.
        out.width = FILE_WIDTH
    return out


def error_console() -> Console:
    """For progress and messages."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
