"""Which extension modules are the target's own: those that stressor acts in unless told otherwise.

The rule:

1. every extension module that importing the harness loaded, apart from the standard library's:
   what a package uses is not what is tested, and which of it was loaded before depends on us;
2. those of the packages that the harness's namespace refers to. What a global refers to is the
   module that it is, or the one that it or its type says it was defined in (`__module__`). Of a
   package: every loaded module and every shared object mapped from its folder. Of a module without
   a package: itself. Of a module of the standard library: also its accelerator (`csv`: `_csv`).

Never those of hypothesis and stressor themselves, the shim above all. Modules built into the
interpreter have no file and are not in the list. What is instrumented in the end is the plan's
decision (`Plan.modules`).
"""

import os
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

NOT_THE_TARGETS = frozenset({"stressor", "hypothesis"})

MAPS = Path("/proc/self/maps")


def own_modules(loaded: Iterable[str], namespace: Mapping[str, object]) -> tuple[str, ...]:
    """Return the paths, sorted, of the target's extension modules, as they were given to `dlopen`.

    `loaded` are names of modules that the import loaded, `namespace` the harness's globals.
    """
    names = {each for each in loaded if _top(each) not in sys.stdlib_module_names}
    folders: list[str] = []
    for top in {_top(each) for each in _referred(namespace)} - NOT_THE_TARGETS:
        names.update(each for each in sys.modules if each == top or each.startswith(f"{top}."))
        if top in sys.stdlib_module_names:
            names.add(f"_{top}")
        else:
            folders.extend(getattr(sys.modules.get(top), "__path__", ()))
    found = (_extension_path(each) for each in names if _top(each) not in NOT_THE_TARGETS)
    paths = {each for each in found if each is not None}
    known = {os.path.realpath(each) for each in paths}
    return tuple(sorted(paths | (_mapped_from(folders) - known)))


def _top(name: str) -> str:
    return name.partition(".")[0]


def _referred(namespace: Mapping[str, object]) -> set[str]:
    found: set[str] = set()
    for key, value in namespace.items():
        if key.startswith("__"):
            continue
        # By its type: an `isinstance` asks the value, which may be the target's own strange thing.
        if issubclass(type(value), ModuleType):
            found.add(str(vars(value)["__name__"]))
            continue
        for source in (value, type(value)):
            try:
                found.add(str(getattr(source, "__module__", "")))
            except Exception:  # the target's own __getattr__; its type still answers
                continue
    return found


def _extension_path(name: str) -> str | None:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    origin = getattr(spec, "origin", None)
    if isinstance(origin, str) and origin.endswith(tuple(EXTENSION_SUFFIXES)):
        return os.path.abspath(origin)
    return None


def _mapped_from(folders: list[str]) -> set[str]:
    """Real paths of the shared objects mapped from below `folders`; none where there is no /proc."""
    if not folders or not MAPS.exists():
        return set()
    roots = tuple(os.path.realpath(each) + os.sep for each in folders)
    # Six fields, and the path is the rest of the line: it may have spaces.
    lines = (line.split(maxsplit=5) for line in MAPS.read_text(errors="replace").splitlines())
    paths = {fields[5] for fields in lines if len(fields) == 6 and "x" in fields[1]}
    return {each for each in paths if each.startswith(roots) and ".so" in Path(each).name}
