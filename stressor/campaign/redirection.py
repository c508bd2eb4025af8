"""The calls inside the interpreter that a fork server shall redirect: chosen, found, and written down.

Decides which of the catalogue's functions a choice of globs means, which file has the interpreter in
it, and that what was found in a file is kept for the next command (a build id names a file's content).
Finding is `symbols.callsites`' business; redirecting is done, and all of it checked again, by the shim.
"""

import json
import sys
import sysconfig
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from stressor.errors import NotTestedError, UsageError
from stressor.model.inner import INNER_FUNCTIONS
from stressor.model.plan import ALL
from stressor.provision import cache
from stressor.symbols.callsites import FINDING, Calls, CallSites, Target, find_calls

NAMES = tuple(each.name for each in INNER_FUNCTIONS)


@frozen
class Redirection:
    """What of a choice can be redirected, and what cannot."""

    sites: CallSites

    @property
    def possible(self) -> tuple[Calls, ...]:
        """The functions whose calls are redirected."""
        return tuple(each for each in self.sites.functions if not each.reason)

    @property
    def refused(self) -> dict[str, str]:
        """The other ones, each with the reason."""
        return {each.name: each.reason for each in self.sites.functions if each.reason}

    @property
    def calls(self) -> int:
        """How many call sites are redirected."""
        return sum(each.disassembled for each in self.possible)

    def orders(self) -> dict[str, Any]:
        """What the fork server reads: names, and numbers of the file."""
        functions = [
            (each.name, target.address, list(target.ends))
            for each in self.possible
            for target in each.targets
        ]
        identity = self.sites.build_id
        return {"build_id": identity, "functions": functions, "refused": self.refused}


def chosen_names(globs: Sequence[str]) -> tuple[str, ...]:
    """The functions that the globs mean, in the catalogue's order; `ALL` means every one.

    Raises `UsageError` for a glob that means none, with the names that are nearest to it.
    """
    for glob in globs:
        if glob != ALL and not any(fnmatchcase(name, glob) for name in NAMES):
            near = get_close_matches(glob, NAMES, n=3, cutoff=0.5) or NAMES[:3]
            raise UsageError(
                f"there is no function {glob!r} inside the interpreter that can be redirected; the "
                f"nearest are: {', '.join(near)}. `stressor sites --runtime` lists all of them."
            )
    wanted = ["*" if glob == ALL else glob for glob in globs]
    return tuple(name for name in NAMES if any(fnmatchcase(name, glob) for glob in wanted))


def redirection(globs: Sequence[str], python: str = sys.executable) -> Redirection:
    """What can be redirected of a choice.

    Raises `UsageError` like `chosen_names`, and `NotTestedError` when nothing can be.
    """
    names = chosen_names(globs)
    sites = find_all(interpreter_file(python))
    if sites.reason:
        raise NotTestedError(f"the runtime's own calls cannot be redirected: {sites.reason}.")
    functions = tuple(each for each in sites.functions if each.name in names)
    found = Redirection(evolve(sites, functions=functions))
    if not found.possible:
        why = "; ".join(f"{name}: {reason}" for name, reason in found.refused.items())
        raise NotTestedError(
            f"the runtime's own calls cannot be redirected in {sites.path}: {why}. "
            "`stressor interpreter install` builds an interpreter that has them."
        )
    return found


def find_all(path: str) -> CallSites:
    """The calls of every function of the catalogue in an interpreter's file. `reason`: none is found."""
    kept = _kept(path)
    found = _read(kept) if kept is not None else None
    if found is None:
        found = find_calls(path, NAMES)
        if kept is not None and not found.reason:
            _keep(kept, found)
    return evolve(found, path=path)


def interpreter_file(python: str = sys.executable) -> str:
    """The file that holds the interpreter's code: the executable, or the library that it loads."""
    folder, library = map(sysconfig.get_config_var, ("LIBDIR", "INSTSONAME"))
    if python == sys.executable and sysconfig.get_config_var("Py_ENABLE_SHARED") and library:
        shared = Path(str(folder)) / str(library)
        if shared.is_file():
            return str(shared.resolve())
    return str(Path(python).resolve())


def _kept(path: str) -> Path | None:
    """Where what is found in this state of the file is kept; None when there is no such file."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    named = [path, state.st_ino, state.st_size, state.st_mtime_ns, FINDING, NAMES]
    key = sha256(json.dumps(named).encode()).hexdigest()[:16]
    return cache.root() / "callsites" / f"{Path(path).name}-{key}.json"


def _read(path: Path) -> CallSites | None:
    try:
        data = json.loads(path.read_bytes())
        functions = tuple(
            Calls(**each, targets=tuple(Target(at, tuple(ends)) for at, ends in targets))
            for each in data.pop("functions")
            for targets in [each.pop("targets")]
        )
        return CallSites(**data, functions=functions)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # not there, or not whole: it is found again


def _keep(path: Path, found: CallSites) -> None:
    data = asdict(found)
    for each, function in zip(data["functions"], found.functions, strict=True):
        each["targets"] = [(target.address, target.ends) for target in function.targets]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        cache.write_whole(path, json.dumps(data))
    except OSError:
        return  # no room, or not ours: the next command finds it again
