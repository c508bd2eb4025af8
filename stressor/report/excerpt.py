"""The part of a harness that some of its operations need, as lines that stand alone in another file.

Decides by names: kept are SETUP, OPS and CHECK, or the class, without operations that are not called,
and every statement that defines a name that something kept uses. Statements that define nothing, and
all compound ones, are kept for what they may do. What cannot be taken apart by reading it is refused
with the reason; nothing is executed.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeIs

from attrs import evolve, frozen

ROOTS = frozenset({"SETUP", "OPS", "CHECK"})
WIDEST = 95

_BASE, _MARK = "Target", "operation"
_AT_RUN_TIME = frozenset({"__file__", "__path__", "globals", "vars", "eval", "exec", "__import__"})

type _Function = ast.FunctionDef | ast.AsyncFunctionDef


class CannotExcerptError(Exception):
    """Why the harness cannot be taken apart, as the end of a sentence: "it uses __file__"."""


@frozen
class _Piece:
    """One statement: its text, the names that it defines, and the names that it uses."""

    text: str
    defines: frozenset[str]
    uses: frozenset[str]
    is_import: bool = False
    is_block: bool = False  # a definition, which stands between empty lines
    is_root: bool = False


def excerpt(
    source: str, operations: Collection[str], kind: str = "", beside: Collection[str] = ()
) -> list[str]:
    """Return the lines of `source` that `operations` need.

    Args:
        source: the harness.
        operations: names of those that are called.
        kind: the class, when the target names it.
        beside: names of modules in the harness's folder, which another file would not find.

    Raises:
        CannotExcerptError: it cannot be taken apart.
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        raise CannotExcerptError("it is no Python file") from None
    _refuse_shared_lines(statements)
    chosen = _class_of(statements, kind)
    pieces = [
        _piece(source, statement, operations, chosen)
        for statement in statements
        if not _is_left_out(statement)
    ]
    kept = _closure(pieces)
    _refuse(kept, beside)
    return list(_laid_out(kept))


def _class_of(statements: Iterable[ast.stmt], kind: str) -> str:
    """The class that is the harness; "" for the quick format."""
    classes = [each for each in statements if isinstance(each, ast.ClassDef)]
    found = [each.name for each in classes if _derives(each)]
    if kind:
        found = [each.name for each in classes if each.name == kind]
    if len(found) == 1:
        return found[0]
    defined = {name for each in statements for name in _defined(each)}
    if not found and not kind and {"SETUP", "OPS"} <= defined:
        return ""
    raise CannotExcerptError("what is the target in it is not plain to see")


def _derives(node: ast.ClassDef) -> bool:
    """Whether a class is taken for a harness when it stands in a file."""
    bases = (each.attr if isinstance(each, ast.Attribute) else "" for each in node.bases)
    names = (each.id if isinstance(each, ast.Name) else "" for each in node.bases)
    return node.name == _BASE or _BASE in {*bases, *names}


def _is_left_out(statement: ast.stmt) -> bool:
    """The docstring and what runs in scripts only."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
    return False


def _piece(source: str, statement: ast.stmt, operations: Collection[str], chosen: str) -> _Piece:
    match statement:
        case ast.ClassDef() if statement.name == chosen:
            return evolve(_class_piece(source, statement, operations), is_root=True)
        case ast.Assign(targets=[ast.Name(id="OPS")], value=ast.Dict() as table) if not chosen:
            return evolve(_table_piece(source, table, statement, operations), is_root=True)
    block = isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    defines = frozenset(_defined(statement))
    simple = block or isinstance(
        statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    )
    return _Piece(
        _text(source, statement),
        defines,
        frozenset(_used([statement])),
        is_import=isinstance(statement, ast.Import | ast.ImportFrom),
        is_block=block,
        is_root=not simple or not defines or (not chosen and bool(defines & ROOTS)),
    )


def _class_piece(source: str, node: ast.ClassDef, operations: Collection[str]) -> _Piece:
    """The class without the operations that are neither called nor used by what is called."""
    unused = {
        each.name: each for each in node.body if _is_operation(each) and each.name not in operations
    }
    while True:
        body = [each for each in node.body if each not in unused.values()]
        wanted = {name for each in body for name in _own_names(each, node.name)}
        if not wanted & unused.keys():
            break
        unused = {name: each for name, each in unused.items() if name not in wanted}
    lines = _lines(source)
    gone: set[int] = set()
    for each in unused.values():
        first = _first_line(each)
        while not lines[first - 2].strip():
            first -= 1
        gone.update(range(first, _end(each) + 1))
    kept = (lines[n - 1] for n in range(_first_line(node), _end(node) + 1) if n not in gone)
    text = "\n".join(kept)
    header = [*node.bases, *node.decorator_list, *(each.value for each in node.keywords)]
    uses = frozenset(_used([*body, *header]))
    return _Piece(text, frozenset({node.name}), uses, is_block=True)


def _is_operation(node: ast.stmt) -> TypeIs[_Function]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    marks = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any(
        (isinstance(each, ast.Name) and each.id == _MARK)
        or (isinstance(each, ast.Attribute) and each.attr == _MARK)
        for each in marks
    )


def _own_names(node: ast.stmt, own: str) -> Iterator[str]:
    """What a statement of a class's body takes from the class or from its object."""
    in_body = not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for each in ast.walk(node):
        match each:
            case ast.Attribute(value=ast.Name(id=name)) if name in ("self", "cls", own):
                yield each.attr
            case ast.Name() if in_body:
                yield each.id


def _table_piece(
    source: str, table: ast.Dict, statement: ast.Assign, operations: Collection[str]
) -> _Piece:
    """OPS with the operations that are called, when it is a table that can be read."""
    rows = {
        key.value: value
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    defines = frozenset({"OPS"})
    if not set(operations) <= rows.keys() or len(rows) < len(table.keys):
        return _Piece(_text(source, statement), defines, frozenset(_used([statement])))
    kept = {name: value for name, value in rows.items() if name in operations}
    texts = [
        f"{name!r}: {ast.get_source_segment(source, value) or ast.unparse(value)}"
        for name, value in kept.items()
    ]
    text = f"OPS = {{{', '.join(texts)}}}"
    if len(text) > WIDEST:
        text = "\n".join(["OPS = {", *(f"    {each}," for each in texts), "}"])
    return _Piece(text, defines, frozenset(_used(kept.values())))


def _closure(pieces: Sequence[_Piece]) -> list[_Piece]:
    kept = {index for index, piece in enumerate(pieces) if piece.is_root}
    while True:
        wanted = {name for index in kept for name in pieces[index].uses}
        more = {
            index
            for index, piece in enumerate(pieces)
            if piece.defines & wanted or "*" in piece.defines or "annotations" in piece.defines
        }
        if more <= kept:
            break
        kept |= more
    return [_narrowed(pieces[index], wanted | ROOTS) for index in sorted(kept)]


def _narrowed(piece: _Piece, wanted: Collection[str]) -> _Piece:
    """An import of what is used only."""
    if not piece.is_import or piece.defines <= set(wanted):
        return piece
    node = ast.parse(piece.text).body[0]
    if isinstance(node, ast.Import | ast.ImportFrom):
        node.names = [each for each in node.names if _bound(each) in (*wanted, "*", "annotations")]
        return evolve(piece, text=ast.unparse(node))
    return piece


def _refuse(kept: Iterable[_Piece], beside: Collection[str]) -> None:
    for piece in kept:
        for name in sorted(piece.uses & _AT_RUN_TIME):
            raise CannotExcerptError(f"it uses {name}")
        if piece.is_import:
            _refuse_import(piece.text, beside)


def _refuse_import(text: str, beside: Collection[str]) -> None:
    node = ast.parse(text).body[0]
    if isinstance(node, ast.ImportFrom) and node.level:
        raise CannotExcerptError("it imports relative to its package")
    names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
    modules = [*names, *([node.module or ""] if isinstance(node, ast.ImportFrom) else [])]
    for module in modules:
        if module.partition(".")[0] in beside:
            raise CannotExcerptError(f"it imports {module}, which lies beside it")


def _refuse_shared_lines(statements: Sequence[ast.stmt]) -> None:
    for one, other in pairwise(statements):
        if _first_line(other) <= _end(one):
            raise CannotExcerptError("it has several statements in one line")


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement gives to the module, `*` for those that nobody knows."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            yield from map(_bound, statement.names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case _:
            for each in ast.walk(statement):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    yield each.id


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _used(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store):
                yield each.id
            elif isinstance(each, ast.Global):
                yield from each.names


def _text(source: str, statement: ast.stmt) -> str:
    return "\n".join(_lines(source)[_first_line(statement) - 1 : _end(statement)])


def _lines(source: str) -> list[str]:
    """Lines as Python's grammar counts them: `splitlines` would break strings too."""
    return re.split(r"\r\n|\r|\n", source)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return decorators[0].lineno if decorators else node.lineno


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _laid_out(kept: Sequence[_Piece]) -> Iterator[str]:
    """One empty line between what is long or of another sort: the file is to fit a screen."""
    before: _Piece | None = None
    for piece in kept:
        if before is not None and (
            piece.is_block or before.is_block or piece.is_import is not before.is_import
        ):
            yield ""
        yield from piece.text.split("\n")
        before = piece
