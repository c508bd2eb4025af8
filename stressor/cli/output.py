"""How commands print: results to standard output, everything about them to standard error.

So that `--json` can be piped, and a progress display never ends in a file.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from stressor.report.plain import plain

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


@contextmanager
def loading(target: str) -> Iterator[Status]:
    """Say that a target is loaded, which may take long; on a terminal the line can be rewritten."""
    err = error_console()
    text = Text(f"loading {plain(target)} ...")
    if not err.is_terminal:
        err.print(Text("stressor: ").append(text))
    with err.status(text) as status:
        yield status
