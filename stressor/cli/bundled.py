"""The real targets that come with a checkout, and which of them can run in this environment."""

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

import stressor
from stressor.errors import NotTestedError

FOLDER = Path(stressor.__file__).resolve().parents[1] / "corpus" / "cases" / "real"


def bundled_targets(folder: Path = FOLDER) -> list[str]:
    """Paths of the targets whose requirement is installed; the others are named on standard error.

    Raises `NotTestedError` when there are none.
    """
    if not folder.is_dir():
        raise NotTestedError(
            f"the bundled targets come with a checkout only: there is no {folder}."
        )
    targets = []
    for case in sorted(folder.iterdir()):
        if not (case / "target.py").is_file():
            continue
        missing = list(_missing(case))
        for requirement in missing:
            click.echo(
                f"stressor: {case.name} is skipped: {requirement} is not installed", err=True
            )
        if not missing:
            targets.append(_shown(case))
    if not targets:
        raise NotTestedError(f"nothing that the targets in {folder} need is installed.")
    return targets


def _missing(case: Path) -> Iterator[str]:
    """What a case needs and this environment has not, or not in that version."""
    try:
        requirement = json.loads((case / "meta.json").read_text())["requirement"]
    except (OSError, ValueError, KeyError):
        return
    if requirement == "stdlib":
        return
    name, _, version = requirement.partition("==")
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        yield requirement
        return
    if version and installed != version:
        yield f"{requirement} (but {installed} is)"


def _shown(case: Path) -> str:
    """Relative to the current folder where possible, so that entries are good for other checkouts."""
    try:
        return str(case.relative_to(Path.cwd()))
    except ValueError:
        return str(case)
