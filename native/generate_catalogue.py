#!/usr/bin/env python3
"""Writes what is derived from `native/src/sites.def` and `runtime.def`: the Python tables and the
documentation's.

`python native/generate_catalogue.py` writes all files, `--check` only says whether they are current
(exit code 1 when not). Reads the eight macros of the catalogues with regular expressions, since their
arguments up to the parameter list hold no brackets. A test compares the outcome with
what the built shim says of itself.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "native" / "src" / "sites.def"
TABLE = ROOT / "stressor" / "model" / "catalogue.py"
INNER_TABLE = ROOT / "stressor" / "model" / "inner.py"
INNER = ROOT / "native" / "src" / "runtime.def"
DOCUMENT = ROOT / "docs" / "sites.md"

# A macro and what stands before its parameter list.
ENTRY = re.compile(
    r"^(CALL|CALL_VOID|BORROW|SPECIAL|BLOCK|BEGIN_SECTION|END_SECTION)\(([^()]*)", re.M
)
INNER_ENTRY = re.compile(r'^REDIRECT\((\w+), (\w+), (\w+), (\w+), (?:NULL|"([^"]*)")\)$', re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)

# Why a thread may be detached before the call: the texts of `native/src/survey.c`.
DETACH = {
    "NEVER": "",
    "DYING": "may run a destructor or wait for the merge queue",
    "PYTHON": "runs Python code when the callable is a Python function",
}

PHASES = ("BEFORE", "AFTER", "BOTH")
TURNS = ("NEITHER", *PHASES)

# Categories in the order of the model's enum, with what a reader wants to know of each.
CATEGORIES = {
    "LOCK": "Locks: taken late, held long, handed over.",
    "REFCOUNT": "Reference counts: the calls that counting in C ends in, and all counting in Rust.",
    "THREAD_STATE": "Thread states: attaching, detaching, exceptions.",
    "CRITICAL_SECTION": "Critical sections: begun late, held long.",
    "BORROWED_REF": "Borrowed references: the object may die before the caller counts it.",
    "CONTAINER": "Containers, attributes and calls: between a check and what is done about it.",
    "MEMORY": "Memory: what is freed, resized or not yet filled in.",
    "COLLECTOR": "The collector: objects that it sees too early or too late.",
    "BLOCK": "The C library: where threads block and wake each other.",
}


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue, in the model's words."""

    name: str
    kind: str
    category: str
    phases: str
    borrows: bool
    detach: str


def entries(text: str) -> Iterator[Entry]:
    """The catalogue's entries in its order. Raises ValueError for a line it cannot read."""
    text = COMMENT.sub("", text)
    for match in ENTRY.finditer(text):
        macro, words = match[1], match[2].replace(",", " ").split()
        match macro, words:
            case "BORROW", [name]:
                yield Entry(name, "CALL", "BORROWED_REF", "BOTH", True, "NEVER")
            case (("BEGIN_SECTION" | "END_SECTION"), [name]):
                yield Entry(name, "CALL", "CRITICAL_SECTION", "BOTH", False, "NEVER")
            case "BLOCK", [name, phases, *_]:
                yield Entry(name, "BLOCK", "BLOCK", phases, False, "NEVER")
            case _, [name, category, phases, detach, *_]:
                yield Entry(name, "CALL", category, phases, macro == "SPECIAL", detach)
            case _:
                raise ValueError(f"sites.def: cannot read {match[0]!r}")


@dataclass(frozen=True)
class InnerEntry:
    """One line of the list of functions inside the interpreter; `first` is empty for no argument."""

    name: str
    category: str
    phases: str
    turns: str
    first: str


def read_inner(path: Path = INNER) -> list[InnerEntry]:
    """All entries. Raises ValueError when one makes no sense."""
    text = COMMENT.sub("", path.read_text())
    found = [
        InnerEntry(*(word or "" for word in each.groups())) for each in INNER_ENTRY.finditer(text)
    ]
    wrong = [each.name for each in found if each.phases not in PHASES or each.turns not in TURNS]
    lines = [line for line in text.splitlines() if line.startswith("REDIRECT")]
    if wrong or len(lines) != len(found):
        raise ValueError(
            f"{path.name}: cannot read the entry of {', '.join(wrong) or 'some function'}"
        )
    _refuse_twins(path, [entry.name for entry in found])
    return found


def read_catalogue(path: Path = CATALOGUE) -> list[Entry]:
    """All entries. Raises ValueError when one makes no sense."""
    found = list(entries(path.read_text()))
    for entry in found:
        if entry.detach not in DETACH or entry.phases not in PHASES:
            raise ValueError(f"{path.name}: cannot read the entry of {entry.name}")
    _refuse_twins(path, [entry.name for entry in found])
    return found


def _refuse_twins(path: Path, names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{path.name}: twice: {', '.join(sorted(twice))}")


TABLE_HEAD = '''"""The shim's catalogue of symbols: `native/src/sites.def` in the model's words.

Made by `native/generate_catalogue.py`, not to be edited. Which of them a module has sites for depends
on what it imports; a symbol that the running interpreter lacks is never bound.
"""

from attrs import frozen

from stressor.model.site import Category, Kind, Phase


@frozen
class Symbol:
    """One interceptable function.

    `phases` are the sides on which another thread can do harm. `borrows`: it returns a borrowed
    reference, so its visits go through the ledger. `detach` says why a thread may be detached before
    the call, "" that it must never be.
    """

    name: str
    kind: Kind
    category: Category
    phases: tuple[Phase, ...]
    borrows: bool = False
    detach: str = ""


'''


def table(found: list[Entry]) -> str:
    """The text of the Python table."""
    lines = [
        "BEFORE, AFTER = (Phase.BEFORE,), (Phase.AFTER,)",
        "BOTH = BEFORE + AFTER",
        *(f'{name} = "{text}"' for name, text in DETACH.items() if text),
        "",
        "SYMBOLS = (",
    ]
    for entry in found:
        words = [
            f'"{entry.name}"',
            f"Kind.{entry.kind}",
            f"Category.{entry.category}",
            entry.phases,
        ]
        words += ["borrows=True"] if entry.borrows else []
        words += [f"detach={entry.detach}"] if DETACH[entry.detach] else []
        lines.append(f"    Symbol({', '.join(words)}),")
    return TABLE_HEAD + "\n".join([*lines, ")", ""])


INNER_TABLE_HEAD = '''"""Functions of the interpreter that can be redirected: `native/src/runtime.def`.

Made by `native/generate_catalogue.py`, not to be edited. Which of them an interpreter has depends on how
it was compiled; `stressor.symbols.callsites` finds out.
"""

from attrs import frozen

from stressor.model.site import Category, Phase


@frozen
class InnerFunction:
    """One function inside the interpreter whose calls can be redirected.

    On the sides that are not among `turns` nobody else may be let go on: pauses are short there.
    `first` says what the first argument is, "" that there is none.
    """

    name: str
    category: Category
    phases: tuple[Phase, ...]
    turns: tuple[Phase, ...]
    first: str


'''


def inner_table(found: list[InnerEntry]) -> str:
    """The text of the Python table of functions inside the interpreter."""
    lines = [
        "BEFORE, AFTER = (Phase.BEFORE,), (Phase.AFTER,)",
        "BOTH, NEITHER = BEFORE + AFTER, ()",
        "",
        "INNER_FUNCTIONS = (",
    ]
    for each in found:
        words = [f'"{each.name}"', f"Category.{each.category}", each.phases, each.turns]
        line = f'    InnerFunction({", ".join(words)}, "{each.first}"),'
        if len(line) > LINE:
            parts = "".join(f"        {word},\n" for word in [*words, f'"{each.first}"'])
            line = f"    InnerFunction(\n{parts}    ),"
        lines.append(line)
    return INNER_TABLE_HEAD + "\n".join([*lines, ")", ""])


DOCUMENT_HEAD = """\
# Sites: the functions that stressor can put itself in front of

<!-- Made by native/generate_catalogue.py from sites.def and runtime.def, not to be edited. -->

{count} functions: {calls} of the C API, called by extension modules, and {blocks} of the C library,
called by extension modules and by the interpreter itself. A *site* is one place in a module that
calls one of them; `stressor sites MODULE` lists those of a module, and says what cannot be covered.

* **Side**: where a pause can make a race fail. A reference is dangerous *after* it was borrowed, a
  lock *before* it is taken; most calls are worth a pause on both sides.
* **Ledger**: the returned reference is borrowed. While the thread pauses, its object is watched: if
  another thread destroys it, that is a finding, whether or not the process crashes.
* **Detach**: the thread may be detached from the interpreter instead of put to sleep, because the
  real call may do the same. That suspends the critical sections in force. Nowhere else is it done.

What an extension does without a call has no site: counting that the headers inline (its slow half
does have one), `PyList_GET_ITEM` and its like, plain loads and stores. A call that a compiler turned
into a jump, because it was the last thing its function did, is named after that function's caller.
"""


INNER_HEAD = """
# Inside the interpreter

{count} functions of CPython 3.13 itself: `stressor fuzz --runtime GLOB` leads the interpreter's own
calls of them through stressor, and `stressor sites --runtime` says which of them this interpreter has.
A *turn* is where another thread may go on, in controlled mode or while a pin waits; on the other side
the world is stopped or a lock of the runtime is held, and pauses are short.

| function | about | side | turn | first argument |
| --- | --- | --- | --- | --- |
"""

LINE = 100
COLUMNS = "| function | side | ledger | detach |\n| --- | --- | --- | --- |\n"


def document(found: list[Entry], inner: list[InnerEntry]) -> str:
    """The text of the documentation's table."""
    blocks = sum(entry.kind == "BLOCK" for entry in found)
    head = DOCUMENT_HEAD.format(count=len(found), calls=len(found) - blocks, blocks=blocks)
    parts = [head]
    for category, says in CATEGORIES.items():
        parts.append(f"\n## {says}\n\n{COLUMNS}")
        for entry in found:
            if entry.category == category:
                ledger = "yes" if entry.borrows else ""
                row = [f"`{entry.name}`", entry.phases.lower(), ledger, DETACH[entry.detach]]
                parts.append(f"| {' | '.join(row)} |\n".replace("  ", " "))
    parts.append(INNER_HEAD.format(count=len(inner)))
    for each in inner:
        about = each.category.lower().replace("_", "-")
        words = [
            f"`{each.name}`",
            about,
            each.phases.lower(),
            each.turns.lower(),
            each.first or "none",
        ]
        parts.append(f"| {' | '.join(words)} |\n")
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Write all files, or compare them."""
    if arguments not in ([], ["--check"]):
        print("usage: generate_catalogue.py [--check]", file=sys.stderr)
        return 2
    found, inner = read_catalogue(), read_inner()
    stale = 0
    texts = {
        TABLE: table(found),
        INNER_TABLE: inner_table(inner),
        DOCUMENT: document(found, inner),
    }
    for path, text in texts.items():
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if arguments:
            print(f"{path.relative_to(ROOT)} is not current: run {Path(__file__).name}")
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
