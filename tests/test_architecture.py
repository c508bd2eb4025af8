"""The rules of docs/architecture.md that a machine can check: layers, imports, sizes, names."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "stressor"
MODULES = sorted(SOURCE.rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
C_SOURCES = sorted((ROOT / "native").rglob("*.[ch]"))
PARSED = {path: ast.parse(path.read_text(encoding="utf-8")) for path in [*MODULES, *PLUGINS]}

# Highest first; imports point down, and not sideways either.
LAYERS = [
    {"reproduce"},
    {"cli", "plugins"},
    {"campaign", "minimize"},
    {"runtime"},
    {"probes"},
    {"targets", "oracles", "strategies", "schedules", "corpus", "report", "symbols", "mechanisms"},
    {"model"},
    {"errors"},
]
# The bound that a strategy guarantees is part of the report on its schedule.
SIDEWAYS = {("report", "strategies")}
RANK = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}
# What must work on any Python, before there is anything else: the standard library and itself.
ALONE = {"interpreter", "provision", "errors", "__init__"}

SHIM = "stressor._shim"
BINDING = SOURCE / "runtime" / "binding.py"

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "junkdrawer"}
MOST_FILE_LINES = 300
# A C file holds one mechanism with its tables; a little longer than Python for its declarations.
MOST_C_FILE_LINES = 420
MOST_FUNCTION_LINES = 40


def package_of(path: Path) -> str:
    """The first name below stressor: "model", "errors", ..."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth, relative imports resolved."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(PARSED[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            # `from package import module` imports the module.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """The packages of stressor that a file imports."""
    names = (name.split(".") for name in imports_of(path))
    found = {name[1] for name in names if name[0] == "stressor" and len(name) > 1}
    return {name for name in found if name in RANK or name in ALONE or name == "_shim"}


def test_every_package_has_its_layer() -> None:
    packages = {package_of(path) for path in MODULES}
    assert packages <= RANK.keys() | ALONE


def test_imports_point_down() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path in MODULES
        if package_of(path) in RANK
        for imported in own_imports(path) - {package_of(path)}
        if imported in RANK
        and RANK[imported] <= RANK[package_of(path)]
        and (package_of(path), imported) not in SIDEWAYS
    ]
    assert not wrong


def test_plugins_are_edges() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path in PLUGINS
        for imported in own_imports(path)
        if (imported in RANK and RANK[imported] <= RANK["plugins"])
        or imported in {"runtime", "_shim"}
    ]
    assert not wrong


def test_what_provisions_needs_nothing_but_the_standard_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in MODULES
        if package_of(path) in ALONE
        for name in imports_of(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "stressor"}
        or (name.startswith("stressor.") and name.split(".")[1] not in ALONE | {"__version__"})
    ]
    assert not wrong


def test_only_the_binding_imports_the_shim() -> None:
    importers = {path for path in MODULES if any(n.startswith(SHIM) for n in imports_of(path))}
    assert importers <= {BINDING}


def test_the_parent_never_imports_what_runs_in_the_child() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if package_of(path) != "runtime" and "runtime" in own_imports(path)
    ]
    assert not wrong


@pytest.mark.parametrize(
    "package",
    sorted({"report", "oracles", "symbols", "corpus", "strategies", "schedules", "mechanisms"}),
)
def test_leaf_services_start_nothing(package: str) -> None:
    starts = {"subprocess", "multiprocessing", "concurrent", "asyncio", "signal.pthread_kill"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in MODULES
        if package_of(path) == package
        for name in imports_of(path)
        if name.split(".")[0] in starts
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("sources", "most"),
    [([*MODULES, *PLUGINS], MOST_FILE_LINES), (C_SOURCES, MOST_C_FILE_LINES)],
    ids=["python", "c"],
)
def test_files_are_short(sources: list[Path], most: int) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > most
    }
    assert not long


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": lines
        for path in [*MODULES, *PLUGINS]
        for node in ast.walk(PARSED[path])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := body_lines(node)) > MOST_FUNCTION_LINES
    }
    assert not long


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: a contract may be as long as it has to be."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_names_say_what_a_file_is_for() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in [*MODULES, *PLUGINS, *C_SOURCES]
        if FORBIDDEN_NAMES
        & {part.removesuffix(path.suffix) for part in path.relative_to(ROOT).parts}
    ]
    assert not wrong


def test_every_module_says_what_it_decides() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in [*MODULES, *PLUGINS]
        if not ast.get_docstring(PARSED[path])
    ]
    assert not silent


def test_every_suppression_has_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*MODULES, *PLUGINS]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for mark in ("# noqa", "# type: ignore", "# pragma: no cover")
        if mark in line and not reason_after(line, mark)
    ]
    assert not bare


def reason_after(line: str, mark: str) -> bool:
    """Whether words follow the mark and its codes."""
    rest = line.partition(mark)[2]
    codes, separator, reason = rest.partition(" - ")
    if not separator:
        codes, _, reason = rest.partition("  #")
    if not reason:
        codes, _, reason = rest.partition(" (")
    return bool(reason.strip()) and len(codes) < 60
