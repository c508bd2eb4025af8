"""`pytest --mechanisms`: a test item for each bundled mechanism, which schedules its correct version.

Their names are `mechanisms::lk-pymutex`. They go through pytest's collection like any others, so that
`-k`, `-m mechanism`, `--co`, `-x`, `--lf`, `-n` and reports need nothing of their own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from attrs import frozen

from pytest_stressor.options import Wanted
from pytest_stressor.ways import broken, undecided, way_of
from stressor.campaign.models.carryout import Drawing, Model, Searching, carry_out
from stressor.campaign.models.reference import Reference
from stressor.campaign.models.schedulers import schedulers
from stressor.errors import StressorError, UsageError
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.registry import MECHANISMS, maker, named
from stressor.mechanisms.replay import rehearse

type Kind = type[Mechanism]


class Unsound(Exception):
    """A mechanism broke, or was not proved; the text is all that there is to tell."""


@frozen
class Selected:
    """What is to be scheduled, and how."""

    kinds: tuple[Kind, ...]
    wanted: Wanted
    way: Drawing | Searching

    @property
    def told(self) -> list[str]:
        """Lines for the head of the report."""
        if isinstance(self.way, Searching):
            return ["stressor: mechanisms, exhaustively"]
        way = self.way
        lines = [f"stressor: mechanisms, {way.runs:,} runs, {way.strategy.name}, seed {way.seed}"]
        return lines + [f"stressor: {each}" for each in [schedulers().missing] if each]

    def collector(self, session: pytest.Session) -> "Mechanisms":
        """What pytest collects them from."""
        collector = Mechanisms.from_parent(session, name="mechanisms", nodeid="mechanisms")
        collector.selected = self
        return collector


def select(wanted: Wanted, names: Sequence[str]) -> Selected:
    """The mechanisms of these names, or all. Raises `pytest.UsageError`."""
    try:
        kinds = tuple(dict.fromkeys(map(named, names))) or MECHANISMS
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return Selected(kinds, wanted, way_of(wanted))


class Mechanisms(pytest.Collector):
    """The parent of the items."""

    selected: Selected

    def collect(self) -> Iterator["MechanismItem"]:
        """An item for each."""
        for kind in self.selected.kinds:
            yield MechanismItem.from_parent(self, name=kind.name, kind=kind, selected=self.selected)


class MechanismItem(pytest.Item):
    """One mechanism: held, or broken with a story."""

    def __init__(self, *, kind: Kind, selected: Selected, **given: Any) -> None:  # noqa: ANN401 - pytest's
        super().__init__(**given)
        self.kind = kind
        self.selected = selected
        self.add_marker(pytest.mark.mechanism)

    def setup(self) -> None:
        """See that it is a model: a faulty one is an error, and no failure."""
        try:
            rehearse(maker(self.kind))
        except StressorError as error:
            pytest.fail(str(error), pytrace=False)

    def runtest(self) -> None:
        """Schedule it."""
        done = carry_out(Model(Reference(self.kind)), self.selected.way)
        self.user_properties.append(("explored", done.did))
        if done.finding is not None:
            raise Unsound(broken(done, done.finding, self.selected.wanted))
        if not done.complete:
            raise Unsound(undecided(done))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - as pytest has it
        """The text alone where it says all."""
        if isinstance(excinfo.value, Unsound | StressorError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """No file: they are named by what they are."""
        return self.config.rootpath / "mechanisms", None, self.name
