"""`pytest --mechanisms`: items that behave as any others."""

import re
from xml.etree import ElementTree

import pytest
from pytest_stressor import items

from stressor.corpus import Findings
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.mechanisms.registry import MECHANISMS
from tests.plugin.conftest import Sessions
from tests.unit.faulty_models import Counter, Raises

FEW = ("--mechanisms", "--mechanisms-runs", "3", "--mechanisms-strategy", "plain-walk")
USAGE = pytest.ExitCode.USAGE_ERROR

pytestmark = [pytest.mark.native, pytest.mark.slow]


class Racy(Counter):
    """A correct version that is not."""

    name = "racy-counter"

    def has(self, defect: str) -> bool:
        return defect == "racy"


class Faulty(Raises):
    """No model."""

    name = "faulty-counter"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MECHANISMS", (Faulty, Racy, PyMutex))


def test_without_the_option_nothing_is_loaded(sessions: Sessions) -> None:
    sessions.pytester.makepyfile(
        """
        import sys

        def test_nothing():
            assert "pytest_stressor" in sys.modules
            assert not [each for each in sys.modules if each.partition(".")[0] == "stressor"]
        """
    )
    sessions.apart().assert_outcomes(passed=1)


def test_an_item_for_each_mechanism(sessions: Sessions) -> None:
    listed = sessions(*FEW, "--co", "-q").stdout.lines
    assert [each for each in listed if "::" in each] == [
        f"mechanisms::{each.name}" for each in MECHANISMS
    ]


def test_they_are_chosen_like_tests(sessions: Sessions) -> None:
    sessions.pytester.makepyfile("def test_pymutex(): pass")
    sessions(*FEW, "-k", "lk-pymutex").assert_outcomes(passed=1, deselected=len(MECHANISMS))
    sessions(*FEW, "-k", "pymutex").assert_outcomes(passed=2, deselected=len(MECHANISMS) - 1)
    sessions("-m", "mechanism", "-k", "pymutex", *FEW, "--strict-markers").assert_outcomes(
        passed=1, deselected=len(MECHANISMS)
    )
    sessions("mechanisms::lk-pymutex", *FEW[1:]).assert_outcomes(passed=1)
    left = sessions(*FEW, "-k", "mutex", "--deselect", "mechanisms::lk-pymutex")
    left.assert_outcomes(passed=1, deselected=len(MECHANISMS))
    sessions().assert_outcomes(passed=1)


def test_by_the_configuration(sessions: Sessions) -> None:
    sessions.pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        mechanisms = true
        mechanisms_runs = "4"
        mechanisms_seed = "7"
        mechanisms_strategy = "plain-walk"
        """
    )
    done = sessions("-k", "lk-pymutex")
    done.stdout.fnmatch_lines(["stressor: mechanisms, 4 runs, plain-walk, seed 7"])
    done.assert_outcomes(passed=1, deselected=len(MECHANISMS) - 1)
    # The command line wins.
    again = sessions("-k", "lk-pymutex", "--mechanisms-seed", "8")
    again.stdout.fnmatch_lines(["stressor: mechanisms, 4 runs, plain-walk, seed 8"])


def test_exhaustively(sessions: Sessions) -> None:
    done = sessions("mechanisms::lk-once", "--mechanisms-exhaustive", "--junit-xml=all.xml")
    done.assert_outcomes(passed=1)
    (said,) = properties(sessions)
    assert re.match(r"exhausted, [\d,]+ states", said)


@pytest.mark.usefixtures("broken")
def test_a_failure_is_a_story_and_an_entry(sessions: Sessions) -> None:
    done = sessions(*FEW, "--mechanisms-runs", "500", "--junit-xml=all.xml")
    done.assert_outcomes(passed=1, failed=1, errors=1)
    done.stdout.fnmatch_lines(
        [
            "*ERROR at setup of faulty-counter*",
            "the model faulty-counter is faulty: ZeroDivisionError*",
            "racy-counter: BROKEN; *plain-walk, seed *",
            "     T*  T*",
            "broken  L2: at rest the number is what was added",
            "stressor replay .stressor/corpus/models/racy-counter-L2/*.json",
            "FAILED mechanisms::racy-counter*",
            "ERROR mechanisms::faulty-counter*",
        ]
    )
    (entry,) = Findings(sessions.folder / ".stressor" / "corpus").listing().entries
    assert entry.slug == "racy-counter-L2"
    cases = ElementTree.parse(sessions.folder / "all.xml").iter("testcase")
    told = {each.get("name"): [part.tag for part in each] for each in cases}
    assert told["racy-counter"] == ["properties", "failure"]
    assert told["faulty-counter"] == ["error"]
    assert told["lk-pymutex"] == ["properties"]


@pytest.mark.usefixtures("broken")
def test_the_first_failure_may_end_it(sessions: Sessions) -> None:
    done = sessions(*FEW, "--mechanisms-runs", "500", "-x", "-k", "not faulty")
    done.assert_outcomes(failed=1, deselected=1)


@pytest.mark.usefixtures("broken")
def test_a_corpus_that_cannot_be_written_hides_nothing(sessions: Sessions) -> None:
    (sessions.folder / "kept").mkdir()
    (sessions.folder / "kept" / "models").write_text("a file")
    done = sessions(*FEW, "--mechanisms-runs", "500", "--stressor-corpus", "kept", "-k", "racy")
    done.stdout.fnmatch_lines(["broken  L2: *", "*cannot be written to the corpus: *"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mechanisms-runs", "0"], "--mechanisms-runs: must be 1 to *, not 0"),
        (["--mechanisms-runs=many"], "--mechanisms-runs: must be a number from 1 on, not 'many'"),
        (["--mechanisms-runs="], "--mechanisms-runs: must not be empty"),
        (["--mechanisms-seed", "-1"], "*--mechanisms-seed*"),
        (["--mechanisms-seed", str(1 << 64)], "--mechanisms-seed: must be 0 to *"),
        (["--mechanisms-strategy", "wlk"], "--mechanisms-strategy: *did you mean walk*"),
        (["--stressor-corpus", "conftest.py"], "--stressor-corpus: * is not a folder"),
        (["mechanisms::lk-pymutx"], "*did you mean lk-pymutex*"),
        (["mechanisms::"], "*no mechanism is called ''*"),
    ],
)
def test_bad_options(sessions: Sessions, arguments: list[str], says: str) -> None:
    sessions.pytester.makeconftest("")
    done = sessions("--mechanisms", *arguments)
    assert done.ret == USAGE
    done.stderr.fnmatch_lines([f"*{says}"])
    assert "Traceback" not in done.stderr.str()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("mechanisms_runs = 'few'", "mechanisms_runs: must be a number"),
        ("mechanisms = 'perhaps'", "mechanisms: *perhaps*"),
        ("mechanisms_strategy = 'pcd'\nmechanisms = true", "*did you mean pct*"),
    ],
)
def test_bad_configuration(sessions: Sessions, line: str, says: str) -> None:
    sessions.pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{line}\n")
    done = sessions()
    assert done.ret == USAGE
    done.stderr.fnmatch_lines([f"*{says}*"])
    assert "Traceback" not in done.stderr.str()


def test_with_workers(sessions: Sessions) -> None:
    names = [f"mechanisms::lk-{each}" for each in ("once", "raw", "event")]
    done = sessions.apart(*names, *FEW[1:3], "-n", "2", "--junit-xml=all.xml", "-v")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines_random([f"*PASSED {each}*" for each in names])
    # One seed for all workers, and the one that the head tells.
    (seed,) = {each.rpartition(" ")[2] for each in properties(sessions)}
    done.stdout.fnmatch_lines([f"stressor: mechanisms, 3 runs, walk, seed {seed}"])


def properties(sessions: Sessions) -> list[str]:
    """What each item said that it did."""
    found = ElementTree.parse(sessions.folder / "all.xml").iter("property")
    return [each.get("value", "") for each in found if each.get("name") == "explored"]
