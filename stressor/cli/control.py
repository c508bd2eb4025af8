"""Options of `stressor fuzz` for how threads take turns, and where: the mode, double checks, exhaustive
search, functions inside the interpreter.

Decides how they are written on a command line; what they mean is `campaign.settings`' business.
"""

import re

import click

from stressor.campaign import controlled
from stressor.campaign.settings import Exhaustive, Mode
from stressor.schedules.bound import Bound, Unit
from stressor.strategies import BY_NAME

STRATEGY_NAMES = (*BY_NAME, *controlled.SHARES)

MODES = {mode.value: (mode,) for mode in Mode} | {"both": tuple(Mode)}

MOST_BOUND = 100

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%?\Z")
_EXHAUSTIVE = re.compile(r"([a-z]+)=([0-9]+)(,sleep-sets)?\Z")


class Percent(click.ParamType[float]):
    """A part of 1, written as "1%" or "1"."""

    name = "percent"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The part, 0 to 1. Raises `click.BadParameter`."""
        if isinstance(value, float):
            return value
        found = _PERCENT.match(str(value))
        if found is None or float(found[1]) > 100:
            self.fail(f"{value!r} is not a percentage from 0% to 100%.", param, ctx)
        return float(found[1]) / 100


class ExhaustiveBound(click.ParamType[Exhaustive]):
    """A bound: "preemptions=2", "delays=1", and ",sleep-sets" behind it."""

    name = "bound"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Exhaustive:
        """What is asked for. Raises `click.BadParameter`."""
        if isinstance(value, Exhaustive):
            return value
        found = _EXHAUSTIVE.match(str(value))
        units = {unit.value: unit for unit in Unit}
        if found is None or found[1] not in units or int(found[2]) > MOST_BOUND:
            self.fail(
                f"{value!r} is not {' or '.join(f'{unit}=N' for unit in units)}, N from 0 to "
                f"{MOST_BOUND}; ',sleep-sets' may follow.",
                param,
                ctx,
            )
        return Exhaustive(Bound(units[found[1]], int(found[2])), sleeps=found[3] is not None)


MODE = click.option(
    "--mode",
    type=click.Choice(list(MODES)),
    default="both",
    show_default=True,
    help="perturbed: threads run in parallel and are delayed; controlled: they take turns.",
)

DOUBLE_CHECK = click.option(
    "--double-check",
    type=Percent(),
    default="0%",
    show_default=True,
    metavar="PERCENT",
    help="Carry out this part of the controlled trials twice, and tell how many went another way.",
)

EXHAUSTIVE = click.option(
    "--exhaustive",
    type=ExhaustiveBound(),
    metavar="BOUND",
    help="Try every schedule with at most so many preemptions=N or delays=N of one program after "
    "the other, the shortest first, up to --threads and --calls. With ',sleep-sets' behind it, "
    "schedules that only exchange calls on different objects are left out.",
)

RUNTIME = click.option(
    "--runtime",
    multiple=True,
    metavar="GLOB",
    help="Redirect the interpreter's own calls of these functions of its runtime too, so that they are "
    "sites like any other; repeatable, 'all' for all. `stressor sites --runtime` lists them.",
)
