"""When the checkout's environment is made again, what ./dev runs, and what it says when it cannot."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from stressor.interpreter import CouldNotTest, Interpreter, Progress, Variant, current
from stressor.provision import dev, environment, native
from stressor.provision.environment import Checkout, Environment, Part, fingerprints, provision
from stressor.provision.progress import Log

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
[project]
dependencies = ["attrs>=25"]
[project.optional-dependencies]
dev = ["ruff"]
[[tool.setuptools.ext-modules]]
name = "a._b"
sources = ["native/src/one.c", "native/src/two.c"]
include-dirs = ["native/include"]
define-macros = [["N", "2"]]
extra-compile-args = ["-Wall"]
[tool.ruff]
line-length = 100
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for folder in ("native/src", "native/include"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "native/src/one.c").write_text("int one;")
    (tmp_path / "native/include/one.h").write_text("")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "constraints.txt").write_text("attrs==25.1\n")
    return Checkout(tmp_path)


def changed_by(checkout: Checkout, path: str, text: str) -> set[Part]:
    """Which parts are out of date once `path` has `text`."""
    before = fingerprints(checkout, current())
    (checkout.root / path).write_text(text)
    after = fingerprints(checkout, current())
    return {part for part in Part if before[part] != after[part]}


@pytest.mark.parametrize(
    ("path", "text", "parts"),
    [
        ("native/src/one.c", "int two;", {Part.PROJECT}),
        ("native/src/new.c", "", {Part.PROJECT}),
        ("native/include/one.h", "int one;", {Part.PROJECT}),
        ("pyproject.toml", PYPROJECT.replace("-Wall", "-O3"), {Part.PROJECT}),
        ("pyproject.toml", PYPROJECT.replace("attrs>=25", "attrs>=26"), set(Part)),
        ("pyproject.toml", PYPROJECT.replace("ruff", "mypy"), set(Part)),
        ("constraints.txt", "attrs==25.2\n", set(Part)),
        ("pyproject.toml", PYPROJECT.replace("= 100", "= 90"), set()),
        ("README.md", "unrelated", set()),
    ],
)
def test_only_what_a_part_is_made_of_makes_it_out_of_date(
    checkout: Checkout, path: str, text: str, parts: set[Part]
) -> None:
    assert changed_by(checkout, path, text) == parts


def test_another_interpreter_in_the_same_place_makes_both_parts_out_of_date(
    checkout: Checkout, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("one")
    found = replace(current(), path=python)
    before = fingerprints(checkout, found)
    python.write_text("another")
    after = fingerprints(checkout, found)
    assert all(before[part] != after[part] for part in Part)


def test_a_broken_pyproject_is_named(checkout: Checkout) -> None:
    (checkout.root / "pyproject.toml").write_text("[")
    with pytest.raises(CouldNotTest, match=r"pyproject\.toml: cannot be read"):
        fingerprints(checkout, current())


class Steps:
    """Stand-ins for the two installations, which record that they ran and can be made to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.failing = ""
        monkeypatch.setattr(environment, "install_dependencies", self.dependencies)
        monkeypatch.setattr(environment, "install_project", self.project)

    def dependencies(self, made: Environment, log: Log, environ: Mapping[str, str]) -> None:
        made.folder.mkdir(exist_ok=True)
        self._run("dependencies")

    def project(self, made: Environment, log: Log, environ: Mapping[str, str]) -> None:
        self._run("project")
        tag = made.interpreter.tag.lstrip("0123456789.")
        suffix = f"cpython-{made.interpreter.version[0]}{made.interpreter.version[1]}{tag}-here.so"
        (made.checkout.root / "a").mkdir(exist_ok=True)
        (made.checkout.root / f"a/_b.{suffix}").touch()

    def _run(self, name: str) -> None:
        self.done.append(name)
        if name == self.failing:
            raise KeyboardInterrupt

    def bring_up(self, checkout: Checkout, part: Part) -> list[str]:
        self.done.clear()
        provision(Environment(checkout, current()), part, Progress(io.StringIO()))
        return list(self.done)


def test_each_part_is_done_once_and_only_when_needed(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch)
    assert steps.bring_up(checkout, Part.DEPENDENCIES) == ["dependencies"]
    assert steps.bring_up(checkout, Part.PROJECT) == ["project"]
    assert steps.bring_up(checkout, Part.PROJECT) == []
    next(checkout.root.glob("a/_b.*.so")).unlink()
    assert steps.bring_up(checkout, Part.PROJECT) == ["project"]
    (checkout.root / "native/src/one.c").write_text("int three;")
    assert steps.bring_up(checkout, Part.DEPENDENCIES) == []
    assert steps.bring_up(checkout, Part.PROJECT) == ["project"]
    (checkout.root / "constraints.txt").write_text("")
    assert steps.bring_up(checkout, Part.PROJECT) == ["dependencies", "project"]


@pytest.mark.parametrize("failing", ["dependencies", "project"])
def test_a_part_that_was_cut_short_is_done_again(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    steps = Steps(monkeypatch)
    steps.bring_up(checkout, Part.PROJECT)
    (checkout.root / "constraints.txt").write_text("")
    steps.failing = failing
    with pytest.raises(KeyboardInterrupt):
        steps.bring_up(checkout, Part.PROJECT)
    steps.failing = ""
    assert failing in steps.bring_up(checkout, Part.PROJECT)
    assert steps.bring_up(checkout, Part.PROJECT) == []


def test_a_command_gets_the_environment_first_on_its_path(checkout: Checkout) -> None:
    made = Environment(checkout, current())
    variables = made.variables({"PATH": "/bin", "PYTHONHOME": "/x", "HOME": "/h"})
    assert variables == {
        "PATH": f"{made.folder}/bin:/bin",
        "VIRTUAL_ENV": str(made.folder),
        "HOME": "/h",
    }


def test_a_checkout_keeps_its_interpreter_until_that_changes(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python3.13t"
    python.write_text("")
    asked: list[Variant] = []

    def search(python_: object, variant: Variant, *rest: object) -> Interpreter:
        asked.append(variant)
        return replace(current(), path=python, source="PATH")

    monkeypatch.setattr(dev, "find_or_install", search)
    choices = [dev.choose(checkout, None, Variant.RELEASE, Progress(), {}) for _ in range(3)]
    assert len(asked) == 1
    assert len(set(choices)) == 1
    python.write_text("upgraded")
    dev.choose(checkout, None, Variant.RELEASE, Progress(), {})
    assert len(asked) == 2
    (checkout.venvs / "chosen-release.json").write_text("{")
    dev.choose(checkout, None, Variant.RELEASE, Progress(), {})
    dev.choose(checkout, "other", Variant.RELEASE, Progress(), {})
    dev.choose(checkout, None, Variant.RELEASE, Progress(), {"STRESSOR_PYTHON": "other"})
    assert len(asked) == 5


def test_what_cannot_be_provisioned_ends_with_exit_code_3(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRESSOR_PYTHON", "/nowhere/python3.13t")
    assert dev.main(checkout.root, ["test"]) == 3
    assert "STRESSOR_PYTHON names '/nowhere/python3.13t'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["--pyth", "x", "test"]])
def test_wrong_usage_ends_with_exit_code_2(checkout: Checkout, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dev.main(checkout.root, arguments)
    assert caught.value.code == 2


def test_what_follows_the_verb_belongs_to_the_verb() -> None:
    asked = dev.parser().parse_args(["--debug", "test", "--python", "x", "-k", "gil", "--help"])
    assert (asked.debug, asked.python, asked.verb) == (True, None, "test")
    assert asked.arguments == ["--python", "x", "-k", "gil", "--help"]


def test_no_such_command_is_said(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    made = Environment(checkout, current())
    assert dev.run(made, ["no-such-command-at-all"]) == 127
    assert dev.run(made, []) == 2
    assert "cannot run no-such-command-at-all" in capsys.readouterr().err


def test_the_strict_compilation_takes_its_sources_and_flags_from_pyproject(
    checkout: Checkout,
) -> None:
    assert native.jobs(checkout) == [
        (source, ["-fPIC", "-Wall", "-Werror", "-DN=2", "-Inative/include"])
        for source in ("native/src/one.c", "native/src/two.c")
    ]


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.phase("compile"):
        progress.detail("12 files compiled")
    assert stream.getvalue() == "stressor: [   0 s] compile\n"


def test_progress_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    progress = Progress(stream)
    with progress.phase("compile"):
        progress.detail("12 files compiled")
    assert "12 files compiled" in stream.getvalue()
    assert os.linesep not in stream.getvalue().rpartition("compiled")[2]


def test_every_native_file_is_listed_once_in_pyproject() -> None:
    ours = Checkout(Path(__file__).parents[2])
    extensions = ours.project()["tool"]["setuptools"]["ext-modules"]
    present = {str(path.relative_to(ours.root)) for path in ours.native_files()}
    listed = [each for extension in extensions for each in extension["sources"]]
    headers = {each for extension in extensions for each in extension["depends"]}
    assert sorted([*listed, *headers]) == sorted(present)
