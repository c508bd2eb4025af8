"""`stressor models`, and the example of its guide."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stressor.cli.main import run
from stressor.mechanisms.exhaustive import exhaust
from stressor.mechanisms.registry import MECHANISMS

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
    arguments += ["--no-keep"]
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


def test_what_breaks_is_kept_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "cache_model.py"
    model.write_text(guide()[0])
    corpus = ["--corpus", str(tmp_path / "corpus"), "--json"]
    name = f"{model}:Cache"
    searched = ["models", "run", name, "--exhaustive", "--defect", "no-second-look"]
    assert run([*searched, *corpus]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert result["finding"]["run"]["source"] == name
    assert run(["replay", result["entry"]]) == 1
    assert f"{name} broken again, step by step" in capsys.readouterr().out
    model.write_text(guide()[0].replace("self.computed += 1", "self.computed = 1"))
    assert run(["replay", result["entry"]]) == 0
    assert "fixed: the same 7 steps no longer break anything" in capsys.readouterr().out
    model.write_text(guide()[0].replace('"no-second-look"', '"looks-once"'))
    assert run(["replay", result["entry"]]) == 2
    assert "no defect of ext-cache is called 'no-second-look'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("x = 1", "", "name the mechanism, as in PATH:Class; it has none"),
        ("x = 1", ":Cache", "no mechanism in PATH is called 'Cache'; there is none"),
        ("1 / 0", "", "ZeroDivisionError"),
        ("class Cache(", "", "SyntaxError"),
        ("class Cache(Mechanism): pass", ":Cache", "it lacks name, setup, threads"),
        ("class A(Mechanism): name='a'\nclass B(A): name='b'", "", "it has several (A, B)"),
        ("class Cache(Mechanism): name='a'", ":Cash", "did you mean Cache?"),
    ],
)
def test_a_file_without_a_mechanism(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, name: str, says: str
) -> None:
    model = tmp_path / "own_model.py"
    model.write_text(f"from stressor.mechanisms.base import Mechanism\n{text}\n")
    assert run(["models", "run", f"{model}{name}"]) == 2
    assert says.replace("PATH", str(model)) in capsys.readouterr().err


def test_a_faulty_model_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "own_model.py"
    model.write_text(guide()[0].replace("self.value = 7", "self.value = 7 / 0"))
    assert run(["models", "run", f"{model}:Cache", "--runs", "1"]) == 2
    said = capsys.readouterr().err
    assert "the model ext-cache is faulty: ZeroDivisionError" in said
    assert "in 'store value'" in said


FEW = ["--seeds", "3", "--runs", "1000", "--strategy", "plain-walk"]


def test_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "score.md"
    score = ["models", "score", "lk-pymutex", *FEW, "--out", str(out)]
    assert run(score) == 0
    told = capsys.readouterr().out
    assert "lk-pymutex never-fair: plain-walk " in told
    assert "100.0%: 7 of 7 defects are found by their best strategy." in told
    assert "| lk-pymutex | never-fair | " in out.read_text()
    assert run([*score, "--runs", "1"]) == 1
    assert "Found by none: lk-pymutex " in capsys.readouterr().out


def test_scoring_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "score.json"
    score = ["models", "score", "lk-pymutex", *FEW, "--resume", str(file)]
    assert run(score) == 0
    first = capsys.readouterr().out
    whole = json.loads(file.read_text())
    # As if it had been ended early, and one row had been made from another source.
    whole["scoring"]["done"] = whole["scoring"]["done"][:4]
    whole["scoring"]["done"][0]["digest"] = "0" * 16
    file.write_text(json.dumps(whole))
    assert run(score) == 0
    told = capsys.readouterr()
    assert "3 of 7 defects are done" in told.err
    assert told.out.count("lk-pymutex ") == 4
    assert told.out.splitlines()[-2:] == first.splitlines()[-2:]
    assert len(json.loads(file.read_text())["scoring"]["done"]) == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not valid JSON"),
        ("{}", "is not a stressor scoring"),
        ('{"stressor": "scoring", "version": 1}', "scoring: must be an object"),
        (
            '{"stressor": "scoring", "version": 1, "scoring": {"asked": {"mechanisms":'
            ' ["lk-pymutex"], "strategies": ["plain-walk"], "seeds": 3, "runs": 7}}}',
            "is of another scoring, with other runs (7, and not 1000)",
        ),
    ],
)
def test_another_file_is_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    file = tmp_path / "score.json"
    file.write_text(text)
    assert run(["models", "score", "lk-pymutex", *FEW, "--resume", str(file)]) == 2
    assert says in capsys.readouterr().err
    assert file.read_text() == text


def test_a_table_that_cannot_be_written_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "nowhere" / "score.md"
    assert run(["models", "score", "lk-pymutex", *FEW, "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert "score.md: cannot be written: No such file or directory" in told.err
    assert not told.out


def guide() -> list[str]:
    """The blocks of Python of the guide."""
    return [each.partition("```")[0] for each in GUIDE.read_text().split("```python\n")[1:]]


def test_the_guide_tells_the_truth() -> None:
    names: dict[str, Any] = {}
    exec(guide()[0], names)
    cache = names["Cache"]
    assert exhaust(cache).complete
    for defect in cache.defects:
        assert exhaust(partial(cache, defect)).finding is not None


def test_the_score_in_the_docs_has_every_defect() -> None:
    lines = (GUIDE.parent / "mutation-score.md").read_text().splitlines()
    rows = {tuple(line.split(" | ")[:2]) for line in lines if line.startswith("| ")}
    missing = {
        f"{each.name} {defect}"
        for each in MECHANISMS
        for defect in each.defects
        if (f"| {each.name}", defect) not in rows
    }
    # stressor models score -j 2 --resume FILE.json --out docs/mutation-score.md
    assert not missing
