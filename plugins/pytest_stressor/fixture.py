"""The fixture `mechanism`: a mechanism of one's own in one's own test suite."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pytest_stressor.options import MOST_SEED, Wanted
from pytest_stressor.ways import broken, name_of, undecided, way_of
from stressor.campaign.models.carryout import CarriedOut, Model, carry_out
from stressor.campaign.models.reference import Reference, reference_to, referred
from stressor.errors import StressorError, UsageError
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.exhaustive import MOST_STATES


class RunsMechanism:
    """What the fixture gives: called with a mechanism, it schedules it and judges."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def __call__(  # noqa: PLR0913 - as many as the command line has
        self,
        mechanism: type[Mechanism] | str,
        *,
        defect: str = "",
        sizes: Mapping[str, int] | None = None,
        runs: int | None = None,
        seed: int | None = None,
        strategy: str | None = None,
        exhaustive: bool | None = None,
        states: int = MOST_STATES,
    ) -> CarriedOut:
        """Schedule a mechanism, as the options say where nothing is given.

        Args:
            mechanism: a class, or a name as `stressor models run` takes it.
            defect: the version with this defect, which is to be found. Its finding is not kept.
            sizes: numbers of the model that differ from its own.
            runs: most schedules.
            seed: what they are drawn from.
            strategy: who chooses the next thread.
            exhaustive: go through all states instead; nothing but a proof passes then.
            states: most states of that.

        Returns:
            What was done, in words (`did`), and what was found (`finding`, with a defect).

        Fails the test with the story when the correct version breaks, and when a defect is not found.
        Raises `FaultyModelError`, which names the step, for what is no model, and `UsageError` for what
        there is not, with the nearest names.
        """
        __tracebackhide__ = True
        try:
            wanted = _narrowed(self._wanted, runs, seed, strategy, exhaustive)
            if states < 1:
                raise UsageError(f"states must be at least 1, not {states}.")
            model = Model(_referred(mechanism, self._wanted), defect, dict(sizes or {}))
            done = carry_out(model, way_of(wanted, states))
        except StressorError as error:
            # What was wrong is in its message, and none of our frames would add to it.
            raise error.with_traceback(None) from None
        if why := _wrong(done, wanted):
            pytest.fail(why)
        return done


def _narrowed(
    wanted: Wanted,
    runs: int | None,
    seed: int | None,
    strategy: str | None,
    exhaustive: bool | None,
) -> Wanted:
    """The options, where the test does not say otherwise."""
    if runs is not None and runs < 1:
        raise UsageError(f"runs must be at least 1, not {runs}.")
    if seed is not None and not 0 <= seed <= MOST_SEED:
        raise UsageError(f"seed must be 0 to {MOST_SEED}, not {seed}.")
    return replace(
        wanted,
        runs=wanted.runs if runs is None else runs,
        seed=wanted.seed if seed is None else seed,
        strategy=wanted.strategy if strategy is None else strategy,
        exhaustive=wanted.exhaustive if exhaustive is None else exhaustive,
    )


def _referred(mechanism: object, wanted: Wanted) -> Reference:
    if isinstance(mechanism, str):
        return referred(mechanism)
    if not (isinstance(mechanism, type) and issubclass(mechanism, Mechanism)):
        raise UsageError(f"mechanism() takes a Mechanism class or its name, not {mechanism!r}.")
    return reference_to(mechanism, wanted.root)


def _wrong(done: CarriedOut, wanted: Wanted) -> str:
    """Why the test fails; empty when it does not."""
    if done.model.defect:
        if done.finding is not None:
            return ""
        searched = "it breaks nothing" if done.proved else "it was not found"
        return f"{name_of(done)}: {searched}; {done.did}"
    if done.finding is not None:
        return broken(done, done.finding, wanted)
    return "" if done.complete else undecided(done)
