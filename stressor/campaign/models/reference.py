"""From the name of a mechanism to its class, and back.

A bundled mechanism has a name of its own; a user's is `module:Class` or `path.py:Class`, where the class
may be left out when there is one only. What is kept of a finding names it in the same way.
"""

import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

from attrs import frozen

from stressor.errors import UsageError
from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.registry import BY_NAME, named, unknown
from stressor.targets.loading import imported, locate

type Kind = type[Mechanism]


@frozen
class Reference:
    """A mechanism's class, and where it is; `source` is empty for a bundled one."""

    kind: Kind
    source: str = ""


def referred(name: str) -> Reference:
    """The mechanism that a name means. Raises `UsageError`, with the nearest names."""
    if not _is_source(name):
        return Reference(named(name))
    place = locate(name)
    module = imported(place)
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Mechanism)
        and value.__module__ == module.__name__
    }
    if place.kind and place.kind not in found:
        # One that the module has imported counts only when it was named.
        value = getattr(module, place.kind, None)
        if not (isinstance(value, type) and issubclass(value, Mechanism)):
            what = f"mechanism in {name.removesuffix(f':{place.kind}')}"
            raise UsageError(unknown(what, place.kind, tuple(found)))
        found[place.kind] = value
    if not place.kind and len(found) != 1:
        have = f"has several ({', '.join(found)})" if found else "has none"
        raise UsageError(f"{name}: name the mechanism, as in {name}:Class; it {have}.")
    kind = found[place.kind or next(iter(found))]
    check(kind)
    return Reference(kind, name if place.kind else f"{name}:{kind.__name__}")


def reference_to(kind: Kind, root: Path) -> Reference:
    """How a class is to be named by who stands in the folder `root`.

    A class of a package by its module, any other by its file. Raises `UsageError` when it is no model.
    """
    check(kind)
    if BY_NAME.get(kind.name) is kind:
        return Reference(kind)
    module = sys.modules.get(kind.__module__)
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec) and _is_in_package(spec):
        return Reference(kind, f"{kind.__module__}:{kind.__qualname__}")
    file = getattr(module, "__file__", None)
    source = _from(root, Path(file)) if file else kind.__module__
    return Reference(kind, f"{source}:{kind.__qualname__}")


def check(kind: Kind) -> None:
    """See that a class says what every mechanism says. Raises `UsageError`."""
    lacks = [] if hasattr(kind, "name") else ["name"]
    lacks += [each for each in ("setup", "threads") if getattr(kind, each) is vars(Mechanism)[each]]
    if lacks:
        raise UsageError(
            f"{kind.__name__} is no mechanism yet: it lacks {', '.join(lacks)}"
            " (see docs/mechanisms.md)."
        )


def _is_source(name: str) -> bool:
    return ":" in name or os.sep in name or name.endswith(".py")


def _is_in_package(spec: ModuleSpec) -> bool:
    """Whether the module is in a package that has code of its own, and so can be imported by name."""
    package = sys.modules.get(spec.name.partition(".")[0])
    return "." in spec.name and getattr(package, "__file__", None) is not None


def _from(root: Path, file: Path) -> str:
    try:
        return str(file.resolve().relative_to(root.resolve()))
    except ValueError:
        return str(file)
