"""`stressor sites --runtime`: what of the interpreter itself can be redirected, in text and as data."""

import json

import pytest

from stressor.cli.main import run
from stressor.symbols.callsites import Calls, CallSites, Target


def inner_found(monkeypatch: pytest.MonkeyPatch, reason: str = "") -> None:
    calls = Calls("_Py_qsbr_poll", (Target(16, (100, 200)),), 2, 3)
    inlined = Calls("drop_gil", reason="there is no such function: it was inlined")
    found = CallSites("/opt/python", "c0ffee", () if reason else (calls, inlined), reason)
    monkeypatch.setattr("stressor.cli.sites.find_all", lambda path: found)


def test_sites_inside_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner_found(monkeypatch)
    assert run(["sites", "--runtime"]) == 0
    said = capsys.readouterr().out
    assert "_Py_qsbr_poll" in said
    assert "it was inlined" in " ".join(said.split())
    assert "2 calls of 1 functions can be redirected" in said
    assert run(["sites", "--runtime", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["functions"]] == ["_Py_qsbr_poll", "drop_gil"]
    assert (told["functions"][0]["disassembled"], told["functions"][0]["scanned"]) == (2, 3)


def test_sites_of_an_interpreter_that_cannot_be_redirected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner_found(monkeypatch, "it has no build id")
    assert run(["sites", "--runtime"]) == 3
    assert "it has no build id" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["sites"], ["sites", "_csv", "--runtime"]])
def test_sites_of_a_module_or_of_the_interpreter(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert "--runtime" in capsys.readouterr().err
