"""`stressor models`, and the example of its guide."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stressor.cli.main import run
from stressor.mechanisms.exhaustive import exhaust

GUIDE = Path(__file__).parents[2] / "docs" / "mechanisms.md"


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed["rc-brc"]["status"] == "current"
    assert "ignores-shared" in listed["rc-brc"]["defects"]


def test_a_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "run", "lk-pymutex", "--exhaustive", "--size", "threads=2"]) == 0
    assert "lk-pymutex: held; exhausted, " in capsys.readouterr().out


def test_a_defect_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["rc-brc", "--defect", "ignores-shared", "--strategy", "plain-walk", "--seed", "1"]
    assert run(["models", "run", *arguments]) == 1
    out = capsys.readouterr().out
    assert "rc-brc with ignores-shared: BROKEN" in out
    assert "broken  I1: nobody has a reference to a freed object" in out
    assert run(["models", "run", *arguments, "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert result["finding"]["run"]["defect"] == "ignores-shared"


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "explain", "LK-PYMUTEX"]) == 0
    out = capsys.readouterr().out
    assert "mutex_unpark: store" in out
    assert "never-fair: No waiter" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "lk-pymutx"], "did you mean lk-pymutex"),
        (["run", "rc-brc", "--defect", "ignore-shared"], "did you mean ignores-shared?"),
        (["run", "rc-brc", "--size", "others"], "--size takes NAME=N"),
        (["run", "rc-brc", "--size", "others=99"], "others of rc-brc must be 0 to 64, not 99"),
        (["run", "--defect", "ignores-shared"], "belong to a mechanism"),
        (["run", "rc-brc", "--strategy", "plain-wlk"], "did you mean plain-walk"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert run(["models", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_score(tmp_path: Path) -> None:
    out = tmp_path / "score.md"
    few = ["--seeds", "3", "--runs", "1000", "--strategy", "plain-walk", "--out", str(out)]
    assert run(["models", "score", "lk-pymutex", *few]) == 0
    assert "| lk-pymutex | never-fair | " in out.read_text()
    assert run(["models", "score", "lk-pymutex", *few, "--runs", "1"]) == 1


def test_the_guide_tells_the_truth() -> None:
    code = GUIDE.read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    cache = names["Cache"]
    assert exhaust(cache).complete
    for defect in cache.defects:
        assert exhaust(partial(cache, defect)).finding is not None
