"""The bundled cases are complete, and twins differ by the fix alone."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stressor.model.outcome import FailureKind

CASES = Path(__file__).parents[2] / "corpus" / "cases"
DEFECTS = {
    "borrowed-list-item",
    "borrowed-dict-item",
    "check-then-act",
    "lazy-initialization",
    "two-field-update",
    "lost-update",
    "realloc-unlocked",
    "wrong-object-locked",
    "lock-order-inversion",
    "section-across-detach",
    "lock-across-callback",
    "iterator-invalidated",
    "double-free-on-error",
    "refcount-steal",
}

BUGGY = sorted(each for each in (CASES / "buggy").iterdir() if each.is_dir())
CORRECT = sorted(each for each in (CASES / "correct").iterdir() if each.is_dir())
REAL = sorted(each for each in (CASES / "real").iterdir() if each.is_dir())


def said(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "case.toml").read_text())


def source(folder: Path) -> Path:
    (found,) = folder.glob("*.c")
    return found


def test_every_kind_of_defect_has_a_case() -> None:
    assert {said(folder)["defect"] for folder in BUGGY} == DEFECTS


def test_every_buggy_case_has_a_twin() -> None:
    assert [each.name for each in BUGGY] == [each.name for each in CORRECT]


@pytest.mark.parametrize("folder", BUGGY, ids=lambda each: each.name)
def test_buggy_case_says_what_is_wrong(folder: Path) -> None:
    case = said(folder)
    assert case["name"] == folder.name
    assert case["module"] == source(folder).stem
    assert all(case[key].strip() for key in ("summary", "happens", "fix"))
    assert {FailureKind(kind) for kind in case["kinds"]}
    assert case["functions"]
    text = source(folder).read_text()
    for function in case["functions"]:
        # Either a C function, or a place in the harness.
        assert f"{function}(" in text or function in ("check", "target.py:operation")


@pytest.mark.parametrize("folder", CORRECT, ids=lambda each: each.name)
def test_correct_case_expects_silence(folder: Path) -> None:
    case = said(folder)
    assert case["module"] == source(folder).stem
    assert (case["kinds"], case["functions"]) == ([], [])
    assert case["defect"] == said(CASES / case["twin"])["defect"]


@pytest.mark.parametrize("folder", BUGGY, ids=lambda each: each.name)
def test_twins_have_one_harness(folder: Path) -> None:
    twin = CASES / "correct" / folder.name
    module, fixed = source(folder).stem, source(twin).stem
    assert fixed == f"{module}_fixed"
    harness = (folder / "target.py").read_text()
    assert harness.count(f"import {module} as case") == 1
    expected = harness.replace(f"import {module} as case", f"import {fixed} as case")
    assert (twin / "target.py").read_text() == expected


@pytest.mark.parametrize("folder", BUGGY, ids=lambda each: each.name)
def test_twins_differ_by_the_fix_alone(folder: Path) -> None:
    twin = CASES / "correct" / folder.name
    module = source(folder).stem
    lines = source(folder).read_text().splitlines()
    renamed = source(twin).read_text().replace(f"{module}_fixed", module).splitlines()
    changed = [
        line
        for line in difflib.unified_diff(lines, renamed, lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert 1 <= len(changed) <= 40, "\n".join(changed)


@pytest.mark.parametrize(
    "folder", BUGGY + CORRECT, ids=lambda each: f"{each.parent.name}.{each.name}"
)
def test_extensions_say_that_they_need_no_gil(folder: Path) -> None:
    text = source(folder).read_text()
    assert "{Py_mod_gil, Py_MOD_GIL_NOT_USED}" in text
    assert f"PyInit_{source(folder).stem}(void)" in text


@pytest.mark.parametrize("folder", REAL, ids=lambda each: each.name)
def test_real_case_says_what_it_is(folder: Path) -> None:
    case = said(folder)
    assert case["name"] == folder.name
    assert case["linkage"] in ("extension", "built-in")
    assert case["requirement"]
    assert {"module", "summary", "cause", "report"} <= set(case)
    clean = folder.name.startswith("clean_")
    assert bool(case["kinds"]) is not clean
    assert bool(case["report"]) is not clean
    assert all(FailureKind(kind) for kind in case["kinds"])
