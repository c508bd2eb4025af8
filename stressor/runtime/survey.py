"""`python -m stressor.runtime.survey MODULE`: what the shim can act on in one module, as JSON.

A process of its own, because it imports the module, which the parent never does. Decides nothing:
it reports the slots that were rewritten, with what the catalogue says of their symbols, and what was
not covered and why. How that is shown is `stressor sites`' business.
"""

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stressor.model.site import Category, Kind, Phase
from stressor.runtime import binding, gil, scope
from stressor.targets.modules import own_modules

USAGE = 2
NOT_TESTED = 3


def main() -> None:
    """Print one line of JSON: a survey, or {"refused": {"exit": 2|3, "message": ...}}."""
    if len(sys.argv) != 2:
        sys.exit(
            "stressor.runtime.survey is started by stressor itself: see `stressor sites --help`"
        )
    # What the module prints at import must not get between us and our reader.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(survey(sys.argv[1])), file=out, flush=True)


def survey(name: str) -> dict[str, Any]:
    """Import the module (a name, or the path of an extension module) and look at its slots."""
    if why := binding.unsupported():
        return _refused(NOT_TESTED, why)
    try:
        module = _import(name)
    except BaseException as error:  # whatever somebody else's module raises at import
        told = "".join(traceback.format_exception_only(error)).strip()
        return _refused(USAGE, f"importing {name} failed: {told}")
    # Its own only, not what it imports besides: that has a survey of its own.
    own = own_modules(frozenset(), {"module": module})
    slots, uncovered = binding.rewrite_slots(scope.globs((), own))
    binding.restore_slots()
    return {
        "module": name,
        "files": list(own),
        "slots": [_told(slot) for slot in slots],
        "uncovered": [dict(each) for each in uncovered],
        "gil": gil.refusal(),
    }


def _import(name: str) -> ModuleType:
    if not Path(name).is_file():
        sys.path.insert(0, os.getcwd())
        return importlib.import_module(name)
    path = Path(name).resolve()
    loader = importlib.machinery.ExtensionFileLoader(path.name.split(".")[0], str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


_CATEGORIES, _KINDS, _PHASES = list(Category), list(Kind), list(Phase)
# No slot leads to a function that is redirected; it may be one of those too that have slots.
_CATALOGUE = {
    symbol["name"]: symbol
    for symbol in binding.catalogue()
    if _KINDS[symbol["kind"]] is not Kind.REDIRECT
}


def _told(slot: Mapping[str, Any]) -> dict[str, Any]:
    symbol = _CATALOGUE[slot["symbol"]]
    return {
        "module": slot["module"],
        "path": slot["path"],
        "symbol": slot["symbol"],
        "kind": _KINDS[symbol["kind"]].value,
        "category": _CATEGORIES[slot["category"]].value,
        "phases": [phase.value for bit, phase in enumerate(_PHASES) if symbol["phases"] >> bit & 1],
        "borrows": symbol["borrows"],
        "may_detach": symbol["may_detach"],
        "relocation": slot["relocation"],
        "slots": slot["count"],
    }


def _refused(code: int, message: str) -> dict[str, Any]:
    return {"refused": {"exit": code, "message": message}}


if __name__ == "__main__":
    main()
