"""Which interpreter is taken, what is said of the others, and who turned the GIL on."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stressor import interpreter
from stressor.interpreter import CouldNotTest, Interpreter, Variant, find
from stressor.provision import discover, install

ROOT = Path(interpreter.__file__).parents[1]


USUAL = Interpreter(Path("python3.13t"), (3, 13, 15), True, False, "PATH")


def offered(path: Path, source: str) -> Interpreter:
    return replace(USUAL, path=path, source=source)


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A machine on which every kind of interpreter stands, as environment variables."""
    for name in ("bin/python3.13t", "bin/python3.15t", "other/python3.14t", "bin/python3.13td"):
        executable(tmp_path / name)
    for version in ("3.13.2", "3.13.2t", "3.14.0t", "3.13.10t", "3.14t-debug"):
        executable(tmp_path / "pyenv/versions" / version / "bin/python")
    uv_rows = [
        {"path": "/uv/old", "variant": "freethreaded", "version_parts": parts(3, 13, 1)},
        {"path": "/uv/gil", "variant": "default", "version_parts": parts(3, 15, 0)},
        {"path": "/uv/new", "variant": "freethreaded", "version_parts": parts(3, 14, 2)},
    ]
    executable(tmp_path / "bin/uv", f"#!/bin/sh\necho '{json.dumps(uv_rows)}'\n")
    for version in ("3.13.9-release", "3.13.15-release", "3.13.15-debug", ".work-1"):
        executable(tmp_path / "cache/stressor/interpreters" / version / "bin/python3")
    return {
        "PATH": f"{tmp_path}/bin:{tmp_path}/absent:{tmp_path}/other:/bin:/usr/bin",
        "PYENV_ROOT": f"{tmp_path}/pyenv",
        "XDG_CACHE_HOME": f"{tmp_path}/cache",
        "HOME": str(tmp_path),
    }


def parts(major: int, minor: int, patch: int) -> dict[str, int]:
    return {"major": major, "minor": minor, "patch": patch}


def test_candidates_come_in_the_promised_order(machine: dict[str, str], tmp_path: Path) -> None:
    assert [
        str(candidate.path).removeprefix(f"{tmp_path}/")
        for candidate in discover.candidates(Variant.RELEASE, machine)
        if str(tmp_path) in str(candidate.path) or candidate.source == "uv"
    ] == [
        "bin/python3.15t",
        "other/python3.14t",
        "bin/python3.13t",
        "pyenv/versions/3.14.0t/bin/python",
        "pyenv/versions/3.14t-debug/bin/python",
        "pyenv/versions/3.13.10t/bin/python",
        "pyenv/versions/3.13.2t/bin/python",
        "/uv/new",
        "/uv/old",
        "cache/stressor/interpreters/3.13.15-release/bin/python3",
        "cache/stressor/interpreters/3.13.9-release/bin/python3",
    ]


def test_a_shim_that_fails_is_passed_over(machine: dict[str, str]) -> None:
    def ask(path: Path, source: str) -> Interpreter:
        if path.name == "python3.15t":
            raise CouldNotTest(f"{path}: command not found")
        return offered(path, source)

    found = find(environ=machine, ask=ask)
    assert (found.path.name, found.source) == ("python3.14t", "PATH")


def test_folders_that_cannot_be_read_are_passed_over(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    sources = {candidate.source for candidate in discover.candidates(Variant.RELEASE, machine)}
    assert sources == {"PATH", "uv"}


def test_only_a_debug_build_is_taken_for_debug(machine: dict[str, str]) -> None:
    def ask(path: Path, source: str) -> Interpreter:
        return replace(offered(path, source), debug="-debug/" in str(path))

    found = find(variant=Variant.DEBUG, environ=machine, ask=ask)
    assert found.path.parent.parent.name == "3.14t-debug"


def test_when_none_will_do_each_is_named_with_its_reason(machine: dict[str, str]) -> None:
    def ask(path: Path, source: str) -> Interpreter:
        found = offered(path, source)
        return replace(found, free_threaded="uv" in str(path), lacks=("ensurepip",))

    with pytest.raises(interpreter.NoneFound) as caught:
        find(environ=machine, ask=ask)
    message = str(caught.value)
    assert "python3.15t" in message
    assert "built with the GIL" in message
    assert "/uv/new" in message
    assert "lacks ensurepip" in message
    assert "stressor interpreter install" in message


def test_a_named_one_is_taken_or_refused_but_never_passed_over(
    machine: dict[str, str], tmp_path: Path
) -> None:
    def ask(path: Path, source: str) -> Interpreter:
        return replace(offered(path, source), free_threaded=path.name != "python3.13t")

    named = {**machine, "STRESSOR_PYTHON": "python3.14t"}
    assert find(environ=named, ask=ask).source == "STRESSOR_PYTHON"
    assert find(str(tmp_path / "bin/python3.15t"), environ=named, ask=ask).source == "--python"
    with pytest.raises(CouldNotTest, match="built with the GIL") as caught:
        find("python3.13t", environ=named, ask=ask)
    assert not isinstance(caught.value, interpreter.NoneFound)
    assert caught.value.exit_code == 3
    with pytest.raises(CouldNotTest, match="not a command on PATH"):
        find("/nowhere/python", environ=named, ask=ask)
    with pytest.raises(CouldNotTest, match="--with-pydebug"):
        find("python3.14t", Variant.DEBUG, machine, ask)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "#!/bin/sh\necho 'pyenv: python3.13t: command not found' >&2; exit 127\n",
            "status 127: pyenv",
        ),
        ("#!/bin/sh\necho hello\n", "not a Python 3 interpreter: 'hello'"),
        ("#!/nowhere/at/all\n", "cannot be run"),
    ],
)
def test_what_is_no_interpreter_is_said_to_be_none(tmp_path: Path, script: str, says: str) -> None:
    with pytest.raises(CouldNotTest, match=says):
        interpreter.check(executable(tmp_path / "python3.13t", script))


def test_this_interpreter_describes_itself() -> None:
    asked, running = interpreter.check(Path(sys.executable), "running"), interpreter.current()
    assert asked == running
    assert interpreter.shortcoming(running) is None
    assert running.tag.endswith("t") or running.tag.endswith("td")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"implementation": "pypy"}, "needs CPython"),
        ({"version": (3, 12, 1), "free_threaded": False}, "3.13 or newer"),
        ({"free_threaded": False}, "--disable-gil"),
    ],
)
def test_a_refusal_says_what_it_is_what_is_needed_and_how_to_get_it(
    facts: dict[str, object], why: str
) -> None:
    found = replace(USUAL, path=Path("/usr/bin/python3"), **facts)  # type: ignore[arg-type] # a table
    shortcoming = interpreter.shortcoming(found)
    assert shortcoming is not None
    message = interpreter.refusal(found, shortcoming)
    assert "/usr/bin/python3" in message
    assert why in message
    assert "./dev" in message
    assert "stressor interpreter install" in message


@pytest.mark.parametrize(
    ("variables", "may"),
    [({}, True), ({"UV_PYTHON_DOWNLOADS": "never"}, False), ({"UV_OFFLINE": "1"}, False)],
)
def test_uv_downloads_only_where_the_user_lets_it(variables: dict[str, str], may: bool) -> None:
    assert install.may_download(variables) is may


def test_the_gil_message_names_the_cause() -> None:
    by_module = interpreter.gil_refusal("fast._core", {}, {})
    assert "'fast._core' turned it on" in by_module
    assert "PYTHON_GIL=0" in by_module
    assert "asks for it" in interpreter.gil_refusal("", {"PYTHON_GIL": "1"}, {})
    assert "asks for it" in interpreter.gil_refusal("fast._core", {}, {"gil": "1"})
    assert "before stressor could watch" in interpreter.gil_refusal("", {}, {})


def test_a_real_module_without_the_declaration_is_caught_even_when_warnings_are_off() -> None:
    # pystack is a dependency, and the one whose extension does not declare itself free of the GIL.
    program = """
from stressor.runtime import gil
gil.listen()
assert gil.refusal() == ""
import pystack._pystack
print(gil.refusal())
"""
    done = in_python(["-W", "ignore", "-c", program])
    assert done.returncode == 0, done.stderr
    assert "importing 'pystack._pystack'" in done.stdout


def test_a_free_gil_is_accepted() -> None:
    program = "from stressor import interpreter; interpreter.require_free_threading()"
    done = in_python(["-c", program])
    assert done.returncode == 0, done.stderr


def test_importing_needs_the_standard_library_only() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import stressor.interpreter\n"
        "import stressor.provision.dev\n"
        "tops = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(tops - {'__main__', 'stressor'}))\n"
        "print(any(name.endswith('_shim') for name in sys.modules))"
    )
    done = in_python(["-I", "-S", "-c", program])
    assert done.stdout.split("\n")[:2] == ["[]", "False"], done.stderr


def test_what_dev_imports_is_readable_by_python_3_11() -> None:
    files = [
        ROOT / "dev",
        ROOT / "stressor/__init__.py",
        ROOT / "stressor/interpreter.py",
        ROOT / "stressor/errors.py",
    ]
    for path in [*files, *(ROOT / "stressor/provision").glob("*.py")]:
        ast.parse(path.read_text(), str(path), feature_version=(3, 11))


def in_python(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
