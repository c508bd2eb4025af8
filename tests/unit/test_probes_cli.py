"""`stressor models probe`: bad input, and what its list says."""

from pathlib import Path

import pytest

from stressor.cli.main import run
from stressor.errors import ExitCode
from stressor.mechanisms.registry import BY_NAME
from stressor.probes.registry import PROBES


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lk-pymutx"], "did you mean lk-pymutex or lk-park?"),
        (["lk-pymutex", "--twin", "WithoutCaz"], "did you mean WithoutCas?"),
        (["--twin", "WithoutCas"], "--twin belongs to one mechanism: name it"),
        (["lk-pymutex", "--time", "nan"], "nan is not a finite number"),
    ],
)
def test_bad_input(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "probe", *arguments]) == ExitCode.USAGE
    assert says in capsys.readouterr().err


def test_every_probe_has_a_mechanism_and_a_twin() -> None:
    assert {each.mechanism for each in PROBES} <= BY_NAME.keys()
    assert all(each.twins for each in PROBES)


def test_the_document_has_every_probe() -> None:
    text = (Path(__file__).parents[2] / "docs" / "probes.md").read_text(encoding="utf-8")
    assert [each.mechanism for each in PROBES if f"`{each.mechanism}`" not in text] == []
