"""Every probe agrees with its reference, and the monitor sees every deliberately broken twin."""

from collections.abc import Iterator
from itertools import islice
from random import SystemRandom

import pytest

from stressor.campaign.settings import Settings
from stressor.campaign.walk import walk
from stressor.mechanisms.base import Status
from stressor.mechanisms.registry import named
from stressor.model.outcome import Verdict
from stressor.model.trial import Trial
from stressor.probes.registry import MODULES, PROBES, Listed
from tests.power.conftest import Search

SILENT = 30


pytestmark = [pytest.mark.power, pytest.mark.native]


def trials(search: Search, target: str, probe: Listed, count: int) -> Iterator[Trial]:
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    settings = Settings(
        target,
        seed,
        modules=MODULES,
        threads=probe.threads,
        calls=4,
        rounds=40,
        runtime=probe.runtime,
    )
    return islice(walk(search.hosts, settings), count)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.mechanism)
def test_the_interpreter_agrees(probe: Listed, search: Search) -> None:
    verdicts = set()
    for trial in trials(search, probe.target, probe, SILENT):
        assert not trial.outcome.failures, (trial.outcome, trial.plan)
        verdicts.add(trial.outcome.verdict)
    assert Verdict.PASSED in verdicts
    assert Verdict.BROKEN not in verdicts


@pytest.mark.parametrize(
    ("probe", "twin"),
    [(probe, twin) for probe in PROBES for twin in probe.twins],
    ids=lambda value: value if isinstance(value, str) else value.mechanism,
)
def test_the_monitor_sees_the_twin(probe: Listed, twin: str, search: Search) -> None:
    for trial in trials(search, probe.twin(twin), probe, probe.trials):
        signature = trial.outcome.signature
        if signature is not None:
            # Our own words, and not a crash that anybody would see.
            assert "invariant in check of" in str(signature), signature
            return
    pytest.fail(f"nothing seen in {probe.trials} trials")


def test_what_is_probed_is_a_current_mechanism() -> None:
    assert {named(probe.mechanism).status for probe in PROBES} == {Status.CURRENT}
    assert all(probe.twins for probe in PROBES)
