"""Every mechanism of the registry: proved within its sizes, and each of its defects found there."""

import re

import pytest

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.registry import BY_NAME, MECHANISMS, maker
from stressor.mechanisms.replay import replayed
from stressor.mechanisms.required import required
from stressor.mechanisms.shrink import shrink

MOST_STATES = 300_000

every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: each.name)
every_defect = pytest.mark.parametrize(
    ("mechanism", "defect"),
    [pytest.param(m, d, id=f"{m.name}-{d}") for m in MECHANISMS for d in m.defects],
)


@every_mechanism
def test_the_correct_version_is_proved(mechanism: type[Mechanism]) -> None:
    done = exhaust(maker(mechanism), MOST_STATES)
    assert done.finding is None
    assert done.complete


@every_defect
def test_each_defect_is_found_minimized_and_replayed(
    mechanism: type[Mechanism], defect: str
) -> None:
    finding = exhaust(maker(mechanism, defect), MOST_STATES).finding
    assert finding is not None
    # What was broken is one of those that `models explain` lists.
    keys = {*required(mechanism), *(each.key for each in mechanism.invariants), mechanism.stuck[0]}
    assert finding.broken.key in keys
    smaller = shrink(finding, lambda sizes: maker(mechanism, defect, sizes))
    assert smaller.broken.key == finding.broken.key
    assert smaller.run.cost <= finding.run.cost
    assert replayed(maker(mechanism, defect, smaller.run.sizes), smaller.run.schedule) == smaller


@every_mechanism
def test_a_mechanism_says_what_it_is(mechanism: type[Mechanism]) -> None:
    assert len((mechanism.__doc__ or "").split()) > 40
    assert "Simplified:" in (mechanism.__doc__ or "")
    assert mechanism.sources
    assert len(mechanism.defects) >= 2
    assert any(not each.at_end for each in mechanism.invariants)


@every_mechanism
def test_what_is_required_within_a_step_is_told(mechanism: type[Mechanism]) -> None:
    # Keys and sentences are literals everywhere, so that `models explain` can list them all.
    told = required(mechanism)
    assert not any("{" in says for sentences in told.values() for says in sentences)
    assert all(re.fullmatch(r"[IL]\d+[a-z]?", key) for key in told)


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(MECHANISMS)
    assert all(name == name.lower() for name in BY_NAME)
