"""What a target's name means, and what is said when it cannot be loaded."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressor.targets import HarnessError, load
from stressor.targets.loading import Place, locate

QUICK = "SETUP = list\nOPS = {'grow': lambda state: state.append(1)}\n"
CLASS = """
from stressor.targets import Target, operation

class {name}(Target):
    def setup(self):
        return []

    @operation
    def grow(self, state):
        state.append(1)
"""


@pytest.fixture(autouse=True)
def _own_import_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_file(tmp_path: Path) -> None:
    harness = load(str(written(tmp_path / "queue_case.py", QUICK)))
    assert harness.name == "queue_case"
    assert [each.name for each in harness.operations] == ["grow"]


def test_folder_and_its_target_file_are_the_same(tmp_path: Path) -> None:
    file = written(tmp_path / "my-case" / "target.py", QUICK)
    assert load(str(file)).name == load(str(file.parent)).name == "my-case"


def test_file_may_import_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path / "case" / "neighbour_of_case.py", "START = [7]\n")
    written(
        tmp_path / "case" / "target.py",
        "import neighbour_of_case\nSETUP = lambda: neighbour_of_case.START\nOPS = {'a': print}\n",
    )
    assert load("case").setup() == [7]


def test_module_and_class(tmp_path: Path) -> None:
    written(tmp_path / "pkg_of_target" / "__init__.py", "")
    written(
        tmp_path / "pkg_of_target" / "cases.py", CLASS.format(name="A") + CLASS.format(name="B")
    )
    assert load("pkg_of_target.cases:B").name == "pkg_of_target.cases:B"


def test_class_in_a_file_is_found_whatever_its_name(tmp_path: Path) -> None:
    written(tmp_path / "case.py", CLASS.format(name="Whatever"))
    assert [each.name for each in load("case.py").operations] == ["grow"]


def test_several_classes_need_a_name(tmp_path: Path) -> None:
    file = written(tmp_path / "case.py", CLASS.format(name="A") + CLASS.format(name="B"))
    with pytest.raises(HarnessError, match=r"several targets in it \(A, B\)") as refused:
        load("case.py")
    assert f"{file}:A" in str(refused.value)
    assert load("case.py:B").name == "case:B"


def test_class_and_quick_format_together_need_a_choice(tmp_path: Path) -> None:
    written(tmp_path / "case.py", CLASS.format(name="A") + QUICK)
    with pytest.raises(HarnessError, match=r"several targets in it \(A, OPS\)"):
        load("case.py")


def test_imported_base_class_is_no_target(tmp_path: Path) -> None:
    written(tmp_path / "base_of_case.py", CLASS.format(name="Base"))
    written(
        tmp_path / "case.py", "from base_of_case import Base\n\nclass Derived(Base):\n    pass\n"
    )
    assert [each.name for each in load("case.py").operations] == ["grow"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("missing.py", "no such file or folder"),
        ("missing/folder", "no such file or folder"),
        ("", "no target was named"),
        ("no module", "neither a file or folder nor the name of a module"),
        ("no_such_module_anywhere", "no such file, folder or module"),
        ("no_such_module_anywhere.sub:Class", "no such file, folder or module"),
        ("empty", "the folder has no target.py"),
        ("nothing.py", "there is no target in it"),
        ("nothing.py:Target", "no class 'Target'"),
        ("text.txt", "its name must end in .py"),
    ],
)
def test_names_that_mean_nothing(tmp_path: Path, target: str, why: str) -> None:
    (tmp_path / "empty").mkdir()
    written(tmp_path / "nothing.py", "A = 1\n")
    written(tmp_path / "text.txt", "text")
    with pytest.raises(HarnessError, match=why):
        load(target)


def test_import_errors_show_the_users_frames_only(tmp_path: Path) -> None:
    written(tmp_path / "case.py", "def inner():\n    return 1 / 0\n\ninner()\n")
    with pytest.raises(HarnessError) as refused:
        load("case.py")
    text = str(refused.value)
    assert text.startswith("case: importing it failed:")
    assert "in inner" in text
    assert text.endswith("ZeroDivisionError: division by zero")
    assert "loading.py" not in text
    assert "importlib" not in text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("def (:\n", "SyntaxError"),
        ("import no_such_module_anywhere\n", "No module named 'no_such_module_anywhere'"),
    ],
)
def test_whatever_an_import_raises_is_a_harness_error(
    tmp_path: Path, source: str, why: str
) -> None:
    written(tmp_path / "case.py", source)
    with pytest.raises(HarnessError, match=why) as refused:
        load("case.py")
    assert "stressor_target_case" not in sys.modules
    assert refused.value.exit_code == 2


def test_module_that_lacks_a_module_is_not_taken_for_missing(tmp_path: Path) -> None:
    written(tmp_path / "lacking_module.py", "import no_such_module_anywhere\n")
    with pytest.raises(HarnessError, match="importing it failed"):
        load("lacking_module")


def test_bad_declaration_comes_through_as_it_is(tmp_path: Path) -> None:
    written(
        tmp_path / "case.py",
        "from stressor.targets import operation\n"
        "class Target:\n    @operation(weight=-1)\n    def go(self, state): ...\n",
    )
    with pytest.raises(HarnessError, match=r"^@operation on Target.go: weight=-1"):
        load("case.py")


def test_class_that_cannot_be_made(tmp_path: Path) -> None:
    written(
        tmp_path / "case.py", CLASS.format(name="A") + "    def __init__(self): raise OSError(7)\n"
    )
    with pytest.raises(HarnessError, match=r"cannot be made:\n(.*\n)+OSError: 7"):
        load("case.py")


def test_locating_imports_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "case.py", "raise AssertionError\n")
    assert locate("case.py:Name") == Place("case:Name", file, kind="Name")
    assert locate("pkg.mod") == Place("pkg.mod", module="pkg.mod")


def test_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(HarnessError, match="File name too long"):
        locate("x" * 5000)
