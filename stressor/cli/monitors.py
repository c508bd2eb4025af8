"""The option of `stressor fuzz` for monitors. Which there are, and their laws: `model.monitors`."""

from difflib import get_close_matches

import click

from stressor.model.monitors import NAMES, WATCHES, Monitor

ALL = "all"


class MonitorNames(click.ParamType[tuple[Monitor, ...]]):
    """A monitor's name, or "all"."""

    name = "monitor"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Monitor, ...]:
        """The monitors that are named. Raises `click.BadParameter`, which lists the nearest names."""
        if isinstance(value, tuple):
            return value
        name = str(value)
        if name == ALL:
            return tuple(Monitor)
        if name in NAMES:
            return (Monitor(name),)
        near = get_close_matches(name.lower(), (*NAMES, ALL), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(NAMES)}."
        self.fail(f"no monitor is called {name!r}; {hint}", param, ctx)


MONITOR = click.option(
    "--monitor",
    "monitors",
    multiple=True,
    type=MonitorNames(),
    metavar="NAME",
    help="Watch in every trial for what no legal use of the C API does; repeatable, or all. "
    + "; ".join(f"{monitor.value}: {watches}" for monitor, watches in WATCHES.items())
    + ".  [default: borrowed, in most trials]",
)


def union(named: tuple[tuple[Monitor, ...], ...]) -> tuple[Monitor, ...]:
    """All that were named, each once, in the order of the model."""
    wanted = {monitor for monitors in named for monitor in monitors}
    return tuple(monitor for monitor in Monitor if monitor in wanted)
