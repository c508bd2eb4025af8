"""What can be asked for: options of the command line, and the same in pytest's configuration.

Decides what each may be. A value that it may not be is a usage error that names the option, at the
start of the session and not in the middle. Imports nothing of stressor.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

MOST_SEED = (1 << 64) - 1


@dataclass(frozen=True)
class Option:
    """One option: `--some-name`, and `some_name` in the configuration. A flag has no `metavar`."""

    name: str
    says: str
    metavar: str = ""

    @property
    def flag(self) -> str:
        """As on the command line."""
        return f"--{self.name.replace('_', '-')}"


MECHANISMS = Option("mechanisms", "Also schedule stressor's mechanisms, one test item for each.")
RUNS = Option("mechanisms_runs", "Schedules of each mechanism (2,000).", "N")
SEED = Option("mechanisms_seed", "What schedules are drawn from (drawn, and told).", "N")
EXHAUSTIVE = Option("mechanisms_exhaustive", "Go through all states instead: a proof.")
STRATEGY = Option("mechanisms_strategy", "Who chooses the next thread (walk).", "NAME")
CORPUS = Option("stressor_corpus", "Where failures are kept (.stressor/corpus).", "DIR")

OPTIONS = (MECHANISMS, RUNS, SEED, EXHAUSTIVE, STRATEGY, CORPUS)


@dataclass(frozen=True)
class Wanted:
    """What the options say. None: the usual number of runs, and the usual strategy."""

    runs: int | None
    seed: int
    exhaustive: bool
    strategy: str | None
    corpus: Path
    root: Path


WANTED = pytest.StashKey[Wanted]()


def add_options(parser: pytest.Parser) -> pytest.OptionGroup:
    """Add all to the command line and to the configuration; returns the group that they are in."""
    group = parser.getgroup(
        "stressor", "stressor: tests in many threads, mechanisms of concurrency"
    )
    for each in OPTIONS:
        if each.metavar:
            group.addoption(each.flag, metavar=each.metavar, help=each.says)
            parser.addini(each.name, each.says, default="")
        else:
            group.addoption(each.flag, action="store_true", help=each.says)
            parser.addini(each.name, each.says, type="bool", default=False)
    return group


def is_on(config: pytest.Config, option: Option) -> bool:
    """Whether a flag is given. Raises `pytest.UsageError`."""
    try:
        return bool(config.getoption(option.name) or config.getini(option.name))
    except (ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(f"{option.name}: {error}") from None


def wanted(config: pytest.Config, seed: int | None) -> Wanted:
    """All options; `seed` is the session's when none is given. Raises `pytest.UsageError`."""
    given = _number(config, SEED, 0, MOST_SEED)
    seed = int.from_bytes(os.urandom(4)) if seed is None else seed
    return Wanted(
        runs=_number(config, RUNS, 1, 10**12),
        seed=seed if given is None else given,
        exhaustive=is_on(config, EXHAUSTIVE),
        strategy=_text(config, STRATEGY)[1] or None,
        corpus=_corpus(config),
        root=config.rootpath,
    )


def _number(config: pytest.Config, option: Option, least: int, most: int) -> int | None:
    name, text = _text(config, option)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise pytest.UsageError(f"{name}: must be a number from {least} on, not {text[:100]!r}")
    if not least <= int(text) <= most:
        raise pytest.UsageError(f"{name}: must be {least} to {most}, not {text}")
    return int(text)


def _corpus(config: pytest.Config) -> Path:
    """A folder, relative to here when it is given on the command line, else to the configuration."""
    name, text = _text(config, CORPUS)
    base = config.invocation_params.dir if name == CORPUS.flag else config.rootpath
    path = base / (text or ".stressor/corpus")
    if path.exists() and not path.is_dir():
        raise pytest.UsageError(f"{name}: {path} is not a folder")
    return path


def _text(config: pytest.Config, option: Option) -> tuple[str, str]:
    """What was given, after how it is called where it was given."""
    text = config.getoption(option.name)
    if text is not None:
        if not text:
            raise pytest.UsageError(f"{option.flag}: must not be empty")
        return option.flag, text
    return option.name, str(config.getini(option.name))
