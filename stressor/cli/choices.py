"""Options and arguments that several commands share, and what commands get from outside.

The context's object is what opens a session; tests put another in its place.
"""

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from stressor.campaign.session import Session, open_session
from stressor.corpus.exemplar import find_exemplar
from stressor.corpus.findings import find_cheapest

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


class EntryPath(click.Path):
    """An entry's file; a signature's folder stands for its exemplar."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """The path of a file. Raises `click.BadParameter` for a folder without entries."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.is_dir():
            return path
        exemplar = find_exemplar(path) or find_cheapest(path)
        if exemplar is None:
            self.fail(f"{path} has no entry that can be read; name a file.", param, ctx)
        return exemplar.path


ENTRY = click.argument("entry", type=EntryPath(), metavar="ENTRY")


class FiniteRange(click.FloatRange):
    """A range of numbers; a NaN, which no comparison refuses, and infinity are in none."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """The number. Raises `click.BadParameter`."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


type OpensSession = Callable[[int], AbstractContextManager[Session]]


def session_for(jobs: int) -> AbstractContextManager[Session]:
    """Open a session the way the context says."""
    opens: OpensSession = click.get_current_context().obj or open_session
    return opens(jobs)
