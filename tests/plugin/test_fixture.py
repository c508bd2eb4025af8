"""The fixture `mechanism`, in test suites as their authors would write them."""

import json
from pathlib import Path

import pytest

from stressor.cli.main import run
from stressor.corpus import Findings, load_kept
from stressor.mechanisms.finding import Finding
from tests.plugin.conftest import ROOT, Sessions

GUIDE = (ROOT / "docs" / "mechanisms.md").read_text(encoding="utf-8")
MODEL, SUITE = (each.partition("```")[0] for each in GUIDE.split("```python\n")[1:])

pytestmark = [pytest.mark.native, pytest.mark.slow]


@pytest.fixture
def suite(sessions: Sessions) -> Sessions:
    sessions.pytester.makepyfile(cache_model=MODEL)
    return sessions


def test_the_suite_of_the_guide(suite: Sessions) -> None:
    suite.pytester.makepyfile(SUITE)
    suite("--strict-markers").assert_outcomes(passed=4)


def test_what_breaks_is_told_and_kept_and_replayed(
    suite: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.pytester.makepyfile(cache_model=MODEL.replace('not self.has("no-second-look")', "False"))
    suite.pytester.makepyfile(SUITE)
    done = suite("-k", "correct")
    done.assert_outcomes(failed=1, deselected=3)
    done.stdout.fnmatch_lines(
        [
            ">*mechanism(Cache, exhaustive=True)*",
            "E*ext-cache: BROKEN; ended early, * states",
            "E * T* *T*",
            "E *broken  I1: the value is computed once",
            "E *stressor replay .stressor/corpus/models/ext-cache-I1/*.json",
        ]
    )
    (entry,) = Findings(suite.folder / ".stressor" / "corpus").listing().entries
    kept = load_kept(entry.path)
    assert isinstance(kept, Finding)
    assert kept.run.source == "cache_model.py:Cache"
    capsys.readouterr()
    assert run(["replay", str(entry.path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["became"] == "same"


def one(suite: Sessions, body: str, *arguments: str) -> pytest.RunResult:
    """A suite of one test."""
    suite.pytester.makepyfile(
        f"""
        import pytest
        from cache_model import Cache
        from stressor.errors import UsageError
        from stressor.mechanisms.base import FaultyModelError

        def test_one(mechanism):
            {body}
        """
    )
    return suite(*arguments)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("mechanism('lk-pymutx')", "UsageError: *did you mean lk-pymutex*"),
        ("mechanism(Cache, defect='no-second-lok')", "UsageError: *did you mean no-second-look?"),
        ("mechanism(Cache, sizes={'thread': 3})", "UsageError: *did you mean threads?"),
        ("mechanism(Cache, strategy='wlk')", "*--mechanisms-strategy: *did you mean walk*"),
        ("mechanism(Cache, runs=0)", "UsageError: runs must be at least 1, not 0."),
        ("mechanism(Cache, seed=-1)", "UsageError: seed must be 0 to *, not -1."),
        ("mechanism(Cache, states=0)", "UsageError: states must be at least 1, not 0."),
        ("mechanism(int)", "UsageError: mechanism() takes a Mechanism class*"),
        ("mechanism('cache_model.py:Cash')", "UsageError: *did you mean Cache?"),
        (
            "mechanism(Cache, exhaustive=True, states=3)",
            "Failed: ext-cache: not exhausted, * states: nothing is proved.*",
        ),
        (
            "mechanism(Cache, defect='no-second-look', sizes={'threads': 1}, exhaustive=True)",
            "Failed: ext-cache with no-second-look: it breaks nothing; exhausted, * states",
        ),
        (
            "mechanism(Cache, defect='no-second-look', sizes={'threads': 1}, runs=2, seed=5)",
            "Failed: ext-cache with no-second-look: it was not found; 2 runs, *, seed 5",
        ),
    ],
)
def test_what_fails_a_test(suite: Sessions, body: str, says: str) -> None:
    done = one(suite, body)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([f"E *{says}"])
    assert not (suite.folder / ".stressor").exists()


@pytest.mark.parametrize(
    "body",
    [
        "assert mechanism(Cache, exhaustive=True).proved",
        "assert not mechanism(Cache, runs=20).proved",
        "assert mechanism('cache_model.py:Cache', runs=20).finding is None",
        "assert mechanism('lk-once', runs=20, strategy='pct', seed=1).did.endswith('pct, seed 1')",
        "assert mechanism(Cache, defect='forgets-unlock', seed=2).finding.broken.key == 'L2'",
    ],
)
def test_what_passes(suite: Sessions, body: str) -> None:
    one(suite, body).assert_outcomes(passed=1)


def test_a_faulty_model_is_never_found(suite: Sessions) -> None:
    suite.pytester.makepyfile(cache_model=MODEL.replace("self.value = 7", "self.value = 7 / 0"))
    for body in ("mechanism(Cache)", "mechanism(Cache, defect='no-second-look')"):
        done = one(suite, body)
        done.assert_outcomes(failed=1)
        done.stdout.fnmatch_lines(["E *FaultyModelError: *in 'store value'*mend the model."])
    assert not (suite.folder / ".stressor").exists()


def test_from_another_folder(suite: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.pytester.makepyprojecttoml("[tool.pytest.ini_options]\nmechanisms_runs = '300'\n")
    model = MODEL.replace('not self.has("no-second-look")', "False")
    (suite.folder / "sub").mkdir()
    (suite.folder / "sub" / "cache_model.py").write_text(model)
    (suite.folder / "cache_model.py").unlink()
    (suite.folder / "sub" / "test_one.py").write_text(
        "from cache_model import Cache\n\ndef test_one(mechanism):\n    mechanism(Cache)\n"
    )
    monkeypatch.chdir(suite.folder / "sub")
    done = suite("test_one.py")
    done.stdout.fnmatch_lines([f"E *cd {suite.folder} && stressor replay .stressor/corpus/*.json"])
    (entry,) = Findings(suite.folder / ".stressor" / "corpus").listing().entries
    kept = load_kept(entry.path)
    assert isinstance(kept, Finding)
    assert kept.run.source == str(Path("sub", "cache_model.py")) + ":Cache"


def test_a_class_of_a_package_is_named_by_its_module(suite: Sessions) -> None:
    package = suite.pytester.mkpydir("extension")
    broken = MODEL.replace('not self.has("no-second-look")', "False")
    (package / "models.py").write_text(broken)
    suite.pytester.makepyfile(
        """
        from extension.models import Cache

        def test_one(mechanism):
            mechanism(Cache)
        """
    )
    suite().assert_outcomes(failed=1)
    (entry,) = Findings(suite.folder / ".stressor" / "corpus").listing().entries
    kept = load_kept(entry.path)
    assert isinstance(kept, Finding)
    assert kept.run.source == "extension.models:Cache"
