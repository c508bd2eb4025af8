"""C sources beside a target are compiled once, loaded, and refused with the compiler's words."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stressor.targets import HarnessError
from stressor.targets.building import build
from stressor.targets.errors import NoRoomError

SOURCE = """
#include <Python.h>
#include "answer.h"
static PyObject *answer(PyObject *m, PyObject *x) {{ (void)m; (void)x; return PyLong_FromLong({0}); }}
static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{NULL, NULL, 0, NULL}}}};
static PyModuleDef_Slot slots[] = {{{{Py_mod_gil, Py_MOD_GIL_NOT_USED}}, {{0, NULL}}}};
static struct PyModuleDef def = {{
    PyModuleDef_HEAD_INIT, .m_name = "c_answer", .m_methods = methods, .m_slots = slots}};
PyMODINIT_FUNC PyInit_c_answer(void) {{ return PyModuleDef_Init(&def); }}
"""

TARGET = """
import c_answer
SETUP = list
OPS = {"ask": lambda state: c_answer.answer()}
"""

LOAD = """
import sys
from stressor.targets import load
harness = load(sys.argv[1])
print(harness.operation("ask").call(harness.setup(), {}))
print(*harness.modules)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "case"
    made.mkdir()
    (made / "c_answer.c").write_text(SOURCE.format("ANSWER"))
    (made / "answer.h").write_text("#define ANSWER 42\n")
    (made / "target.py").write_text(TARGET)
    return made


def run(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


def test_loaded_target_uses_its_extension(folder: Path) -> None:
    answer, modules = run(LOAD, str(folder))
    assert answer == "42"
    assert Path(modules).name.startswith("c_answer.")
    assert run(LOAD, str(folder / "target.py"))[0] == "42"


def test_compiled_once_and_again_when_anything_changes(folder: Path) -> None:
    first = build(folder)
    assert first is not None
    built = sorted(first.iterdir())
    stamps = [each.stat().st_mtime_ns for each in built]
    assert build(folder) == first
    assert [each.stat().st_mtime_ns for each in built] == stamps
    (folder / "answer.h").write_text("#define ANSWER 43\n")
    second = build(folder)
    assert second != first
    assert build(folder, {"STRESSOR_CFLAGS": "-O0"}) not in (first, second)


def test_processes_at_once_get_one_result(folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: run(LOAD, str(folder)), range(3)))
    assert len({tuple(each) for each in answers}) == 1
    built = Path(answers[0][1]).parent
    # Nothing half-made is left: only the result and the lock.
    assert sorted(each.name for each in built.parent.iterdir()) == [
        built.name,
        f"{built.name}.lock",
    ]


def test_compile_error_shows_the_compilers_last_lines(folder: Path) -> None:
    (folder / "answer.h").write_text("#define ANSWER nobody_knows\n")
    with pytest.raises(HarnessError, match="does not compile") as refused:
        build(folder)
    assert "nobody_knows" in str(refused.value)
    assert "c_answer.c" in str(refused.value)


def test_folder_without_sources_needs_no_compiler(tmp_path: Path) -> None:
    assert build(tmp_path, {"CC": "no-such-compiler"}) is None


def test_missing_compiler_is_named(folder: Path) -> None:
    with pytest.raises(HarnessError, match="'no-such-compiler' is not installed"):
        build(folder, {"CC": "no-such-compiler"})


def test_file_that_cannot_name_a_module_is_refused(folder: Path) -> None:
    (folder / "c-answer.c").write_text("")
    with pytest.raises(HarnessError, match="cannot name a module"):
        build(folder)


def test_a_cache_that_cannot_be_written_is_replaced_by_a_private_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "target.py"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    built = build(folder)

    assert built is not None
    assert built.parent.parent == tmp_path / "tmp"
    assert built.parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_others_may_write_to_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared = tmp_path / "tmp" / f"stressor-targets-{os.getuid()}"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "target.py"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    with pytest.raises(NoRoomError, match=r"cannot build .*XDG_CACHE_HOME or TMPDIR") as refusal:
        build(folder)
    assert refusal.value.exit_code == 3


def test_importing_targets_is_cheap() -> None:
    # All that a target without arguments and without C sources has in its process because of us.
    told = run(
        "import sys, stressor.targets\n"
        "print(*{'hypothesis', 'random', 'subprocess', 'platformdirs', 'ctypes'} & set(sys.modules))"
    )
    assert told == [""]
