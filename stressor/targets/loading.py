"""Loading a target: from what the user named to a `Harness`.

Decides what a name means (file, folder, module, class in it), imports it, and turns everything that
can go wrong with somebody else's code at import into a `HarnessError` with their own frames only.
Runs in the child: the parent never imports a target. The folder of a file stands first on the
module search path from then on, as it would for a script.
"""

import importlib
import importlib.util
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType

from attrs import evolve, frozen

from stressor.targets.definition import Target
from stressor.targets.errors import HarnessError
from stressor.targets.harness import TWO_WAYS, Harness, from_class, from_quick
from stressor.targets.modules import own_modules
from stressor.targets.suite import is_suite, load_suite

FRAMES_SHOWN = 6
NAME_SHOWN = 200


@frozen
class Place:
    """What a target's name means. Exactly one of `file` and `module` is given."""

    name: str
    file: Path | None = None
    module: str = ""
    kind: str = ""  # the class, when it was named


def load(target: str) -> Harness:
    """Import `target` and return its harness.

    Args:
        target: a `.py` file, a folder with a `target.py`, or an importable module; each may be
            followed by `:Class`. C sources beside a `target.py` are compiled first. ``pytest:`` and
            arguments of pytest name a suite.

    Raises:
        HarnessError: there is no such target, it cannot be imported, or it is no harness.
    """
    if is_suite(target):
        return load_suite(target)
    place = locate(target)
    if place.file is not None and place.file.name == "target.py":
        _build_beside(place.file)
    before = set(sys.modules)
    module = imported(place)
    modules = own_modules(set(sys.modules) - before, vars(module))
    kind = _target_class(place, module)
    try:
        harness = from_quick(place.name, module) if kind is None else from_class(place.name, kind)
    except HarnessError:
        raise
    except BaseException as error:
        raise HarnessError(_told(f"{place.name}: {kind} cannot be made", error)) from None
    return evolve(harness, modules=modules)


def locate(target: str) -> Place:
    """Say what `target` means; files are looked at, nothing is imported.

    Raises:
        HarnessError: it looks like a path and there is nothing, or like nothing at all.
    """
    if not target:
        raise HarnessError(f"no target was named. {TWO_WAYS}.")
    head, colon, kind = target.rpartition(":")
    path, kind = (Path(head), kind) if colon else (Path(target), "")
    suffix = f":{kind}" if kind else ""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # a module's name, or told below
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise HarnessError(f"{target[:NAME_SHOWN]}: cannot be looked at: {why}.") from None
    if path.is_dir():
        file = path / "target.py"
        if not file.is_file():
            raise HarnessError(f"{path}: the folder has no target.py. {TWO_WAYS}.")
        return Place(f"{path.resolve().name}{suffix}", file.resolve(), kind=kind)
    if path.is_file():
        stem = path.resolve().parent.name if path.name == "target.py" else path.stem
        return Place(f"{stem}{suffix}", path.resolve(), kind=kind)
    if path.suffix == ".py" or os.sep in str(path):
        raise HarnessError(f"{target}: there is no such file or folder.")
    module = str(path)
    if not all(part.isidentifier() for part in module.split(".")):
        raise HarnessError(f"{target}: neither a file or folder nor the name of a module.")
    return Place(f"{module}{suffix}", module=module, kind=kind)


def _build_beside(file: Path) -> None:
    if not any(file.parent.glob("*.c")):
        return
    # Here, not above: most targets have no C sources, and subprocess brings extension modules along.
    from stressor.targets.building import build  # noqa: PLC0415 - see above

    built = build(file.parent)
    if built is not None:
        sys.path.insert(0, str(built))


def imported(place: Place) -> ModuleType:
    """Import what `locate` found. Raises `HarnessError`, with frames of the user's code only."""
    try:
        return _import_module(place.module) if place.file is None else _import_file(place)
    except HarnessError:
        raise
    except ModuleNotFoundError as error:
        if place.file is None and error.name and f"{place.module}.".startswith(f"{error.name}."):
            raise HarnessError(
                f"{place.module}: there is no such file, folder or module. A module is looked for "
                f"in {os.getcwd()} and where {sys.executable} has its packages."
            ) from None
        raise HarnessError(_told(f"{place.name}: importing it failed", error)) from None
    except BaseException as error:
        # SystemExit too: a script that was named by mistake must not end the child silently.
        raise HarnessError(_told(f"{place.name}: importing it failed", error)) from None


def _import_module(name: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    return importlib.import_module(name)


def _import_file(place: Place) -> ModuleType:
    assert place.file is not None
    if str(place.file.parent) not in sys.path:
        sys.path.insert(0, str(place.file.parent))
    name = "stressor_target_" + re.sub(r"\W", "_", place.name)
    spec = importlib.util.spec_from_file_location(name, place.file)
    if spec is None or spec.loader is None:
        raise HarnessError(f"{place.file}: is not a Python file; its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _target_class(place: Place, module: ModuleType) -> type | None:
    """The class to use; None for the quick format."""
    if place.kind:
        named = getattr(module, place.kind, None)
        if not isinstance(named, type):
            raise HarnessError(f"{place.name}: there is no class {place.kind!r} in it.")
        return named
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and value is not Target
        and value.__module__ == module.__name__
        and (key == "Target" or issubclass(value, Target))
    }
    if "OPS" in vars(module) and not found:
        return None
    if not found:
        raise HarnessError(f"{place.name}: there is no target in it. {TWO_WAYS}.")
    if len(found) > 1 or "OPS" in vars(module):
        several = sorted([*found, "OPS"] if "OPS" in vars(module) else found)
        raise HarnessError(
            f"{place.name}: there are several targets in it ({', '.join(several)}). Name the class: "
            f"{place.file or place.module}:{min(found)}"
        )
    return next(iter(found.values()))


def _told(what: str, error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error, limit=None)
    told.stack = traceback.StackSummary.from_list(
        traceback.extract_tb(_without_ours(error.__traceback__))[-FRAMES_SHOWN:]
    )
    return f"{what}:\n" + "".join(told.format(chain=False)).rstrip()


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Skip the frames of this module and of the import system that lead to the user's code."""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name != __file__ and not name.startswith("<frozen importlib"):
            return trace
        trace = trace.tb_next
    return None
