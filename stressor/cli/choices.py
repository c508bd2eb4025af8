"""Options and arguments that several commands share, and what commands get from outside.

The context's object is what opens a session; tests put another in its place.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from stressor.campaign.session import Session, open_session

DEFAULT_CORPUS = Path(".stressor/corpus")

CORPUS = click.option(
    "--corpus",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_CORPUS,
    show_default=True,
    metavar="DIR",
    help="Where failures are kept.",
)

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")

ENTRY = click.argument("entry", type=click.Path(dir_okay=False, path_type=Path), metavar="ENTRY")

type OpensSession = Callable[[int], AbstractContextManager[Session]]


def session_for(jobs: int) -> AbstractContextManager[Session]:
    """Open a session the way the context says."""
    opens: OpensSession = click.get_current_context().obj or open_session
    return opens(jobs)
