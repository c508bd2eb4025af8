#!/usr/bin/env python3
"""Writes what is derived from `native/src/sites.def`: the Python table and the documentation's.

`python native/generate_catalogue.py` writes both files, `--check` only says whether they are current
(exit code 1 when not). Reads the five macros of the catalogue with regular expressions, since their
arguments up to the parameter list hold no brackets and no strings. A test compares the outcome with
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
DOCUMENT = ROOT / "docs" / "sites.md"

# A macro and what stands before its parameter list.
ENTRY = re.compile(r"^(CALL|CALL_VOID|BORROW|SPECIAL|BLOCK)\(([^()]*)", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)

# Why a thread may be detached before the call: the texts of `native/src/survey.c`.
DETACH = {
    "NEVER": "",
    "DYING": "may run a destructor or wait for the merge queue",
    "PYTHON": "runs Python code when the callable is a Python function",
}

PHASES = ("BEFORE", "AFTER", "BOTH")

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
            case "BLOCK", [name, phases, *_]:
                yield Entry(name, "BLOCK", "BLOCK", phases, False, "NEVER")
            case _, [name, category, phases, detach, *_]:
                yield Entry(name, "CALL", category, phases, macro == "SPECIAL", detach)
            case _:
                raise ValueError(f"sites.def: cannot read {match[0]!r}")


def read_catalogue(path: Path = CATALOGUE) -> list[Entry]:
    """All entries. Raises ValueError when one makes no sense."""
    found = list(entries(path.read_text()))
    for entry in found:
        if entry.detach not in DETACH or entry.phases not in PHASES:
            raise ValueError(f"{path.name}: cannot read the entry of {entry.name}")
    names = [entry.name for entry in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{path.name}: twice: {', '.join(sorted(twice))}")
    return found


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


DOCUMENT_HEAD = """\
# Sites: the functions that stressor can put itself in front of

<!-- Made by native/generate_catalogue.py from native/src/sites.def, not to be edited. -->

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


COLUMNS = "| function | side | ledger | detach |\n| --- | --- | --- | --- |\n"


def document(found: list[Entry]) -> str:
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
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Write both files, or compare them."""
    if arguments not in ([], ["--check"]):
        print("usage: generate_catalogue.py [--check]", file=sys.stderr)
        return 2
    found = read_catalogue()
    stale = 0
    for path, text in ((TABLE, table(found)), (DOCUMENT, document(found))):
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
