"""Every monitor finds an extension that breaks its law now and then, and is silent on its twin."""

import math
from pathlib import Path

import pytest

from stressor.model.evidence import End
from stressor.model.monitors import BY_LAW, Monitor
from stressor.model.outcome import FailureKind, Verdict
from tests.power.conftest import CASES, MISS, Search, lower_bound
from tests.power.test_cases import any_seed

pytestmark = [pytest.mark.power, pytest.mark.native]

FEED = Path(__file__).with_name("lawbreakers") / "target.py"

MEASURED = {
    Monitor.SECTIONS: (f"{FEED}:CarelessSections", 12, 40),
    Monitor.DETACHED: (f"{FEED}:CarelessDetached", 22, 60),
    Monitor.THREAD_STATE: (f"{FEED}:CarelessStates", 10, 30),
    Monitor.COUNTS: (str(CASES / "buggy" / "refcount_steal"), 9, 220),
}
"""Target, and how many of how many trials broke a law of the monitor, with all monitors on."""


def budget(monitor: Monitor) -> int:
    """Trials after which a law was seen broken, but for a chance of `MISS`; see `conftest.budget`."""
    _, hits, trials = MEASURED[monitor]
    return math.ceil(math.log(MISS) / math.log1p(-lower_bound(hits, trials)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("monitor", MEASURED, ids=lambda each: each.value)
def test_finds(search: Search, monitor: Monitor) -> None:
    # Misses with probability below 1e-4 if laws are broken as often as measured.
    target, _, _ = MEASURED[monitor]
    for trial in search.trials(target, budget(monitor), any_seed(), monitors=tuple(Monitor)):
        for failure in trial.outcome.failures:
            if failure.signature.kind is FailureKind.ILLEGAL:
                assert BY_LAW[failure.signature.detail].monitor is monitor
                return
    pytest.fail(f"no law was broken in {budget(monitor)} trials")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("monitor", MEASURED, ids=lambda each: each.value)
def test_is_silent(search: Search, monitor: Monitor) -> None:
    target, _, _ = MEASURED[monitor]
    twin = target.replace("Careless", "Careful").replace("/buggy/", "/correct/")
    assert twin != target
    verdicts = set()
    for trial in search.trials(twin, budget(monitor), any_seed(), monitors=tuple(Monitor)):
        assert not trial.outcome.failures, (trial.outcome, trial.plan)
        assert trial.evidence.ending.end is not End.SIGNALLED
        verdicts.add(trial.outcome.verdict)
    assert Verdict.PASSED in verdicts
