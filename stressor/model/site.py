"""Sites: the places where the shim can act, named so that the name survives a rebuild of the shim.

A site's key is ``kind:module:symbol+0xoffset``; ``module`` is the file name up to its first dot
(``python`` for the interpreter itself), the offset is that of the return address inside the module.
Operation sites have no offset: ``op:target:NAME``. Hook sites carry the type or the allocator domain
instead: ``hook:destroy:tuple``. A redirected call inside the interpreter is named after the function
that is called, like any other: ``redirect:python:_PyThreadState_Detach+0x2bd1e``. The shim hashes the
key's text (FNV-1a, 64 bit), so that a decision depends on the text and never on an address. The
catalogues of symbols are ``native/src/sites.def`` and ``runtime.def``.

A rebuild of the module moves offsets. What it leaves alone is which call it is of the calls of a symbol
in a function, and that can be written too: ``call:_c:PyDict_SetItem in Cache_put #1 of 2``. Such a text
is no key; `stressor.campaign.fit` finds the key that it has in a build.
"""

import re
from enum import Enum

from attrs import frozen

_OFFSET = re.compile(r"\+0x([0-9a-f]{1,16})\Z")
_WITHOUT_OFFSET = re.compile(
    r"((?:call|block|redirect):[^:\s]+:[^:\s]+) in (\S+)(?: #([0-9]{1,9}) of ([0-9]{1,9}))?\Z"
)


class Kind(Enum):
    """How the shim gets to act at a site."""

    CALL = "call"
    BLOCK = "block"
    HOOK = "hook"
    OP = "op"
    REDIRECT = "redirect"


class Phase(Enum):
    """Which side of the real operation; hooks and operations use both as entry and exit."""

    BEFORE = "before"
    AFTER = "after"


class Category(Enum):
    """What the real operation is about; `sites.def` gives every symbol exactly one."""

    LOCK = "lock"
    REFCOUNT = "refcount"
    THREAD_STATE = "thread-state"
    CRITICAL_SECTION = "critical-section"
    BORROWED_REF = "borrowed-ref"
    CONTAINER = "container"
    MEMORY = "memory"
    COLLECTOR = "collector"
    BLOCK = "block"
    OP = "op"


@frozen
class Ordinal:
    """Which call it is of all calls of one symbol in one function, by address, from 1."""

    number: int
    of: int


@frozen
class Site:
    """One place, as read back from the record of a trial.

    `visits` counts arrivals of all threads in the last round, `acted` those that were delayed.
    `path` is the module's file; `function` and `source` are filled in by the parent's symbolizer, and
    `ordinal` where a plan that is kept names the site: by it the site is found in another build.
    """

    key: str
    category: Category
    phases: tuple[Phase, ...]
    visits: int = 0
    acted: int = 0
    may_detach: bool = False
    path: str = ""
    function: str | None = None  # "function+0x1c", the extension function that holds the site
    source: str | None = None  # "file.c:123" when there is debug information
    ordinal: Ordinal | None = None

    @property
    def kind(self) -> Kind:
        """The kind is the first part of the key."""
        return Kind(self.key.split(":", 1)[0])

    @property
    def is_call(self) -> bool:
        """Whether C code calls a function there that need not block: there is much to aim at."""
        return self.kind in (Kind.CALL, Kind.REDIRECT)

    @property
    def module(self) -> str:
        """The module is the second part of the key."""
        return f"{self.key}:".split(":", 2)[1]

    @property
    def symbol(self) -> str:
        """The third part of the key without its offset: what is called, or the operation's name."""
        return _OFFSET.sub("", self.key.split(":", 2)[-1])

    @property
    def offset(self) -> int | None:
        """Offset of the return address in the module; None where the key has none."""
        found = _OFFSET.search(self.key)
        return int(found[1], 16) if found else None

    @property
    def function_name(self) -> str:
        """`function` without the offset; empty when it is not known."""
        return _OFFSET.sub("", self.function or "")


def text_without_offset(site: Site) -> str:
    """Write a place for people and for other builds; empty where ordinal or function are not known."""
    if site.ordinal is None or not site.function_name or site.offset is None:
        return ""
    number, of = site.ordinal.number, site.ordinal.of
    which = f" #{number} of {of}" if of > 1 else ""
    text = f"{site.kind.value}:{site.module}:{site.symbol} in {site.function_name}{which}"
    read = read_without_offset(text)
    same = read is not None and (read.function, read.ordinal) == (site.function_name, site.ordinal)
    return text if same else ""


def read_without_offset(text: str) -> Site | None:
    """Read what `text_without_offset` wrote as a site whose key has no offset; None for other texts."""
    found = _WITHOUT_OFFSET.match(text)
    if found is None:
        return None
    key, function, number, of = found.groups()
    ordinal = Ordinal(int(number or 1), int(of or 1))
    return Site(key, Category.OP, (), function=function, ordinal=ordinal)


def key_hash(key: str) -> int:
    """FNV-1a over the UTF-8 text, 64 bit: the shim computes the same (`native/src/policy.c`)."""
    value = 0xCBF29CE484222325
    for byte in key.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value
