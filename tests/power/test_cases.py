"""The tool finds what is wrong, and is silent where nothing is.

Seeds are drawn anew in every run of the suite and printed when a test fails: a power test that
passes with one seed only would prove nothing.
"""

import tomllib
from pathlib import Path
from random import SystemRandom

import pytest

from stressor.model.outcome import Verdict
from tests.power.conftest import CASES, Search, budget, folders, named

BUGGY = folders("buggy")
REAL = folders("real")
RACY = [case for case in REAL if tomllib.loads((case / "case.toml").read_text())["kinds"]]
CLEAN = folders("correct") + [case for case in REAL if case not in RACY]

QUICK_TRIALS = 30
MANY_TRIALS = 10_000


def any_seed() -> int:
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return seed


def expected_kinds(case: Path) -> set[str]:
    return set(tomllib.loads((case / "case.toml").read_text())["kinds"])


@pytest.mark.power
@pytest.mark.native
@pytest.mark.parametrize("case", BUGGY + RACY, ids=named)
def test_finds(case: Path, search: Search) -> None:
    # Misses with probability below 1e-4 (see `budget`) if the tool finds as often as measured.
    for trial in search.trials(case, budget(case.name), any_seed()):
        if trial.outcome.signature is not None:
            assert trial.outcome.signature.kind.value in expected_kinds(case) | {"hang", "crash"}
            return
    pytest.fail(f"nothing found in {budget(case.name)} trials")


def is_silent(case: Path, search: Search, trials: int) -> None:
    verdicts = set()
    for trial in search.trials(case, trials, any_seed()):
        assert not trial.outcome.failures, (trial.outcome, trial.plan)
        verdicts.add(trial.outcome.verdict)
    assert Verdict.PASSED in verdicts
    assert Verdict.BROKEN not in verdicts


@pytest.mark.power
@pytest.mark.native
@pytest.mark.parametrize("case", CLEAN, ids=named)
def test_is_silent(case: Path, search: Search) -> None:
    is_silent(case, search, QUICK_TRIALS)


@pytest.mark.power
@pytest.mark.slow
@pytest.mark.native
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", CLEAN, ids=named)
def test_is_silent_for_long(case: Path, search: Search) -> None:
    is_silent(case, search, MANY_TRIALS)


def test_every_twin_has_a_twin() -> None:
    assert {case.name for case in BUGGY} == {case.name for case in folders("correct")}
    assert len(BUGGY) >= 12
    assert CASES.is_dir()
