"""One catalogue: what is generated from `sites.def` is current, and is what the shim has built in."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from stressor import _shim
from stressor.model.catalogue import SYMBOLS
from stressor.model.inner import INNER_FUNCTIONS, InnerFunction
from stressor.model.site import Category, Kind, Phase

pytestmark = pytest.mark.native

GENERATOR = Path(__file__).resolve().parents[2] / "native" / "generate_catalogue.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_catalogue", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_current(generator: ModuleType) -> None:
    found = generator.read_catalogue()
    inner = generator.read_inner()
    assert generator.TABLE.read_text() == generator.table(found)
    assert generator.INNER_TABLE.read_text() == generator.inner_table(inner)
    assert generator.DOCUMENT.read_text() == generator.document(found, inner)
    assert generator.main(["--check"]) == 0


def test_the_shim_has_the_same_catalogue() -> None:
    kinds, categories, sides = list(Kind), list(Category), list(Phase)
    built = [
        (
            symbol["name"],
            kinds[symbol["kind"]],
            categories[symbol["category"]],
            tuple(side for bit, side in enumerate(sides) if symbol["phases"] & (1 << bit)),
            bool(symbol["borrows"]),
            symbol["may_detach"],
        )
        for symbol in _shim.catalogue()
        if kinds[symbol["kind"]] is not Kind.REDIRECT
    ]
    assert built == [
        (each.name, each.kind, each.category, each.phases, each.borrows, each.detach)
        for each in SYMBOLS
    ]


def test_the_shim_has_the_same_inner_functions() -> None:
    kinds, categories, sides = list(Kind), list(Category), list(Phase)

    def named(bits: int) -> tuple[Phase, ...]:
        return tuple(side for bit, side in enumerate(sides) if bits & (1 << bit))

    built = [
        InnerFunction(
            symbol["name"],
            categories[symbol["category"]],
            named(symbol["phases"]),
            named(symbol["turns"]),
            symbol["first"],
        )
        for symbol in _shim.catalogue()
        if kinds[symbol["kind"]] is Kind.REDIRECT
    ]
    assert tuple(built) == INNER_FUNCTIONS
    # A turn on a side that no pause is made on would mean nothing.
    assert all(set(each.turns) <= set(each.phases) for each in INNER_FUNCTIONS)


def test_it_is_as_large_as_promised() -> None:
    assert sum(each.kind is Kind.CALL for each in SYMBOLS) >= 80
    assert sum(each.kind is Kind.BLOCK for each in SYMBOLS) >= 15
    assert {each.category for each in SYMBOLS} == set(Category) - {Category.OP}


def test_borrowed_references_are_paused_after_the_return() -> None:
    borrowing = [each for each in SYMBOLS if each.borrows]
    assert len(borrowing) > 20
    assert all(Phase.AFTER in each.phases for each in borrowing)
    assert {each.category for each in borrowing} == {Category.BORROWED_REF}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CALL(PyList_Append)\n", "cannot read"),
        (
            "BLOCK(poll, BOTH, I, (P a), (a), a)\nBLOCK(poll, BOTH, I, (P a), (a), a)\n",
            "twice: poll",
        ),
        ("CALL(PyMutex_Lock, LOCK, SOMETIMES, NEVER, I, (P a), (a), a)\n", "PyMutex_Lock"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    generator: ModuleType, tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "sites.def"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        generator.read_catalogue(path)
