"""The options of `--stressor`, the marker's arguments, and what each may be.

All are checked at the start of the session; an error names the option. Imports of stressor are for the
checks only, and made when `--stressor` is given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import pytest

IN_CHILD = "STRESSOR_SUITE"
"""In the environment of a suite's fork server (`stressor.targets.suite`), which is a pytest too."""
MARKER = "stressor"
MARKER_LINE = (
    "stressor(threads=, rounds=, strategy=, modules=, seed=): how --stressor runs this test"
)

UNFIT_LINE = "not_thread_safe(reason=): --stressor runs this test in one thread"


@dataclass(frozen=True)
class Option:
    """One option: `--stressor-NAME`, and `stressor_NAME` in the configuration."""

    name: str
    metavar: str
    default: str
    says: str
    choices: tuple[str, ...] = ()
    repeatable: bool = False

    @property
    def flag(self) -> str:
        """As on the command line."""
        return f"--stressor-{self.name.replace('_', '-')}"

    @property
    def ini(self) -> str:
        """As in the configuration."""
        return f"stressor_{self.name}"

    @property
    def dest(self) -> str:
        """The attribute that argparse makes of it."""
        return f"stressor_{self.name}"


THREADS = Option("threads", "N", "4", "Threads that run a test's body at once (4).")
ROUNDS = Option("rounds", "N", "60", "How often, each time on fresh fixtures (60).")
MODULES = Option(
    "modules",
    "GLOB",
    "",
    "Instrument extension modules whose file matches (those of the project's own distribution).",
    repeatable=True,
)
MODE = Option(
    "mode",
    "MODE",
    "perturbed",
    "perturbed: in parallel, with pauses; controlled: one thread at a time, on chosen schedules.",
    choices=("perturbed", "controlled"),
)
STRATEGY = Option("strategy", "NAME", "", "Use this one only; repeatable.", repeatable=True)
SEED = Option("seed", "N", "", "What plans are drawn from (drawn, and told).")
REPLAY = Option(
    "replay",
    "WHEN",
    "first",
    "Known failures of the corpus: first, only, or off (first).",
    choices=("first", "only", "off"),
)
DEADLINE = Option("deadline", "S", "10", "Seconds without progress after which a test hangs (10).")
MINIMIZE = Option(
    "minimize", "S", "20", "Seconds for minimizing one failure; 0: keep as found (20)."
)

OPTIONS = (THREADS, ROUNDS, MODULES, MODE, STRATEGY, SEED, REPLAY, DEADLINE, MINIMIZE)
BOUNDS = {"threads": (2, 64), "rounds": (1, 100_000), "seed": (0, (1 << 64) - 1)}
FLAGS = {
    "stressor": "Run each test's body in several threads at once, with pauses injected.",
    "stressor_allow_nothing": "Do not fail when no test reached an instrumented place.",
}


@dataclass(frozen=True)
class Asked:
    """What the options say. No `modules`: those of the project; no `strategies`: all."""

    threads: int
    rounds: int
    modules: tuple[str, ...]
    mode: str
    strategies: tuple[str, ...]
    seed: int
    replay: str
    deadline: float
    minimize: float
    allow_nothing: bool


def is_on(config: pytest.Config) -> bool:
    """Whether `--stressor` is given, and this is not a suite's fork server."""
    return bool(config.getoption("stressor")) and IN_CHILD not in os.environ


def add_options(group: pytest.OptionGroup, parser: pytest.Parser) -> None:
    """Add all to the command line and to the configuration."""
    for name, says in FLAGS.items():
        group.addoption(f"--{name.replace('_', '-')}", action="store_true", dest=name, help=says)
    parser.addini("stressor_allow_nothing", FLAGS["stressor_allow_nothing"], "bool", default=False)
    for each in OPTIONS:
        action = "append" if each.repeatable else "store"
        group.addoption(
            each.flag, action=action, metavar=each.metavar, dest=each.dest, help=each.says
        )
        parser.addini(each.ini, each.says, "args" if each.repeatable else "string")


def asked(config: pytest.Config, drawn_seed: int) -> Asked:
    """All options. Raises `pytest.UsageError`, which names the option."""
    return Asked(
        threads=_whole(*_text(config, THREADS), *BOUNDS["threads"]),
        rounds=_whole(*_text(config, ROUNDS), *BOUNDS["rounds"]),
        modules=_several(config, MODULES),
        mode=_choice(config, MODE),
        strategies=_checked(STRATEGY.flag, _choice(config, MODE), _several(config, STRATEGY)),
        seed=_whole(*_text(config, SEED, str(drawn_seed)), *BOUNDS["seed"]),
        replay=_choice(config, REPLAY),
        deadline=_seconds(*_text(config, DEADLINE), 0.1),
        minimize=_seconds(*_text(config, MINIMIZE), 0.0),
        allow_nothing=bool(
            config.getoption("stressor_allow_nothing") or config.getini("stressor_allow_nothing")
        ),
    )


def marked(item: pytest.Item, base: Asked) -> Asked:
    """What a test's own marker says beyond the options. Raises `pytest.UsageError` with its name."""
    for mark in reversed(list(item.iter_markers(MARKER))):
        base = _with(mark, base, f"{item.nodeid}: @pytest.mark.{MARKER}")
    return base


def _with(mark: pytest.Mark, base: Asked, where: str) -> Asked:
    known = ("threads", "rounds", "strategy", "modules", "seed")
    if mark.args:
        raise pytest.UsageError(f"{where}: takes no positional argument, only {', '.join(known)}")
    changes: dict[str, Any] = {}
    for name, value in mark.kwargs.items():
        if name not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - for an error only

            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}."
            raise pytest.UsageError(f"{where}: has no argument {name!r}; {hint}")
        changes |= _argument(name, value, f"{where}: {name}", base)
    return replace(base, **changes)


def _argument(name: str, value: object, where: str, base: Asked) -> dict[str, Any]:
    match name, value:
        case "threads" | "rounds" | "seed", int():
            return {name: _whole(where, str(value), *BOUNDS[name])}
        case "strategy", str():
            return {"strategies": _checked(where, base.mode, (value,))}
        case "modules", str():
            return {name: (value,)}
        case "modules", list() | tuple() if all(isinstance(each, str) for each in value):
            return {name: tuple(value)}
    raise pytest.UsageError(f"{where}: cannot be {value!r}")


def _text(config: pytest.Config, option: Option, default: str | None = None) -> tuple[str, str]:
    """How the option is called where it was given, and what was given."""
    given = config.getoption(option.dest)
    if given is not None:
        return option.flag, str(given)
    given = config.getini(option.ini)
    return option.ini, str(given) or (option.default if default is None else default)


def _several(config: pytest.Config, option: Option) -> tuple[str, ...]:
    given = tuple(config.getoption(option.dest) or config.getini(option.ini) or ())
    if not all(given):
        raise pytest.UsageError(f"{option.flag}: must not be empty")
    return given


def _choice(config: pytest.Config, option: Option) -> str:
    name, text = _text(config, option)
    if text not in option.choices:
        raise pytest.UsageError(f"{name}: must be {' or '.join(option.choices)}, not {text!r}")
    return text


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and least <= int(text) <= most):
        raise pytest.UsageError(f"{name}: must be a number from {least} to {most}, not {text!r}")
    return int(text)


def _seconds(name: str, text: str, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= 86_400:
        raise pytest.UsageError(f"{name}: must be {least:g} to 86400 seconds, not {text!r}")
    return number


def _checked(where: str, mode: str, names: tuple[str, ...]) -> tuple[str, ...]:
    from stressor.campaign.portfolio import chosen  # noqa: PLC0415 - stressor only when asked for
    from stressor.campaign.settings import Mode, Settings  # noqa: PLC0415 - see above
    from stressor.errors import UsageError  # noqa: PLC0415 - see above

    try:
        chosen(Settings("", 0, modes=(Mode(mode),), strategies=names))
    except UsageError as error:
        raise pytest.UsageError(f"{where}: {error.message}") from None
    return names
