"""The name of an entry's folder: a signature and the target that it was seen with.

"invariant in check" is what any harness may fail with, so a signature alone would throw failures of
different targets together. Only the target's last telling name is used: entries of another checkout
of the same harness belong to the same folder. Different targets may have that name too. This does no
harm, because an entry holds its target's whole path: how many are kept, and which are known failures
of a target, is decided by that and not by the folder.
"""

import os
import re
from hashlib import sha256

from stressor.model.outcome import Signature

MOST_CHARACTERS = 60

_UNTELLING = re.compile(r"(?:target|harness|__init__)\.py\Z")
_CLASS = re.compile(r":[^/:]+\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")


def folder_name(signature: Signature, target: str) -> str:
    """Return the folder of a target's failure: the signature's slug, then the target's short name."""
    return f"{signature.slug()}-{safe_name(short_target(target))}"


def short_target(target: str) -> str:
    """Return "cases" for "my/cases/target.py", "box" for "box.py", and a module's name as it is.

    The class of "box.py:Full" is kept: "box-Full".
    """
    path, _, kind = target.rpartition(":") if _CLASS.search(target) else (target, "", "")
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    name = parts[-1].removesuffix(".py") if parts else path
    if len(parts) > 1 and _UNTELLING.match(parts[-1]):
        name = parts[-2]
    return f"{name}-{kind}" if kind else name


def may_hold(folder: str, target: str) -> bool:
    """Whether a folder of this name may hold entries of the target, however that was spelled.

    It was named from here or from its own folder; a link to it may have had any name.
    """
    path = os.path.realpath(target)
    names = {safe_name(short_target(each)) for each in (target, path, os.path.basename(path))}
    return any(folder.endswith(f"-{name}") for name in names)


def is_same(one: str, other: str) -> bool:
    """Whether two targets are the same: equal, or names of one file."""
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def safe_name(name: str) -> str:
    """A name without what a shell or a file system minds; a hash tells apart what that made equal."""
    safe = _UNSAFE.sub("-", name).strip("-")[:MOST_CHARACTERS]
    if safe == name:
        return name
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest
