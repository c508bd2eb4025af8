"""Scenes of `test_interposition.py`."""

import ctypes
import importlib
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from stressor import _shim
from tests.native.stage import Stage, load, repeat


class Mapping(NamedTuple):
    """One line of /proc/self/maps."""

    start: int
    end: int
    access: str


def _mappings(file: str) -> list[Mapping]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [
        Mapping(int(found[1], 16), int(found[2], 16), found[3])
        for line in lines
        if line.endswith(f"/{file}") and (found := re.match(r"(\w+)-(\w+) (\S+) ", line))
    ]


def _data(file: str) -> list[bytes]:
    """All that the loader relocated: what the module has mapped, but for its code."""
    found = []
    with Path("/proc/self/mem").open("rb") as memory:
        for mapping in _mappings(file):
            if "r" in mapping.access and "x" not in mapping.access:
                memory.seek(mapping.start)
                found.append(memory.read(mapping.end - mapping.start))
    return found


def _slots(slots: "list[_shim.Slot]", file: str) -> dict[str, Any]:
    return {
        slot["symbol"]: [slot["relocation"], slot["count"]]
        for slot in slots
        if slot["module"] == file
    }


def slots_of_callers(stage: Stage, name: str, file: str) -> object:
    """Instrument, look at every slot, call through each kind, restore."""
    module = load(name)
    _shim.open_record(stage._record)
    before, access = _data(file), _mappings(file)
    slots, uncovered = _shim.instrument([f"*{file}"])
    rewritten, access_then = _data(file), _mappings(file)
    again, _ = _shim.instrument([f"*{file}"])
    same = _data(file) == rewritten
    stage.arm()
    things = ([1], (2,), {None: 3})
    results = stage.run(
        lambda: [module.by_call(things[0]), module.by_pointer(things[1])],
        lambda: module.by_table(things[2]),
    )
    _shim.disarm()
    # Only now does the loader bind what the calls needed, so compare with a module never called.
    return {
        "slots": _slots(slots, file),
        "again": _slots(again, file),
        "idempotent": same,
        "uncovered": uncovered,
        "changed": before != rewritten,
        "access kept": access == access_then,
        "results": results,
    }


def restore_callers(stage: Stage, name: str, file: str) -> object:
    """Restore what nobody has called yet: every byte must come back."""
    load(name)
    before, access = _data(file), _mappings(file)
    _shim.instrument([f"*{file}"])
    rewritten = _data(file)
    restored = _shim.restore()
    return {
        "restored": restored,
        "changed": before != rewritten,
        "same bytes": _data(file) == before,
        "same access": _mappings(file) == access,
        "again": _shim.restore(),
    }


def import_later(stage: Stage, name: str) -> object:
    """The module is imported when the trial is armed already."""
    stage.open(f"{name}.*")
    stage.arm(threads=1)
    stage.run(lambda: load(name).by_call([7]))
    _shim.disarm()
    return _shim.instrument([])[0]


def match(stage: Stage, name: str, glob: str) -> object:
    """The symbols that are covered by one glob."""
    load(name)
    slots, _ = _shim.instrument([glob])
    return sorted({slot["module"].split(".")[0] for slot in slots} - {"python3", "libpython3"})


def uncovered(stage: Stage, *globs: str) -> object:
    """What cannot be covered, and why."""
    load("quiet")
    return [[each["module"], each["reason"]] for each in _shim.instrument(list(globs))[1]]


def copied_pointer(stage: Stage) -> object:
    """A pointer that was copied out of its slot in time leads past us."""
    module = load("callers")
    module.copy_pointer()
    stage.open("*callers*")
    stage.arm(threads=1)
    return stage.run(lambda: [module.by_copy((4,)), module.by_pointer((5,))])[0]


def uncovered_only(stage: Stage, name: str) -> object:
    """Why one module is not covered, and that it works all the same."""
    module = load(name)
    slots, missing = _shim.instrument([f"{name}.*"])
    assert not [slot for slot in slots if slot["module"].startswith(name)]
    stage.open()
    stage.arm(threads=1)
    results = stage.run(lambda: module.by_call([1]))
    return [missing[0]["reason"], results]


def deep_binding(stage: Stage) -> object:
    """A module that is bound to its own function keeps calling it."""
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
    module = load("twins")
    stage.open("*twins*")
    before = module.rest()
    stage.arm(threads=1)
    during = stage.run(module.rest)[0]
    _shim.disarm()
    _, missing = _shim.instrument([])
    return {"before": before, "during": during, "reasons": [each["reason"] for each in missing]}


def unload(stage: Stage, first: str, second: str) -> object:
    """A library is unloaded, another one takes its place, the slots are put back."""
    close = importlib.import_module("_ctypes").dlclose
    one = ctypes.CDLL(first)
    stage.open("*libfirst*", "*libsecond*")
    close(one._handle)
    two = ctypes.CDLL(second)
    slots, _ = _shim.instrument([])
    stage.arm(threads=1)
    stage.run(two.give_way)
    _shim.disarm()
    covered = sorted({slot["module"] for slot in slots if "python" not in slot["module"]})
    return {"covered": covered, "restored": _shim.restore() > 0}


def unload_and_restore(stage: Stage, first: str) -> object:
    """Slots of a library that is gone are left alone."""
    one = ctypes.CDLL(first)
    _shim.instrument(["*libfirst*"])
    importlib.import_module("_ctypes").dlclose(one._handle)
    return _shim.restore()


def too_many_slots(stage: Stage) -> object:
    """More slots than there is room for."""
    module = load("pointers")
    slots, _ = _shim.instrument(["*pointers*"])
    stage.open("*pointers*")
    stage.arm(threads=1)
    last = stage.run(lambda: [module.item([5], index) for index in (0, 65_999)])[0]
    _shim.disarm()
    return {"count": sum(slot["count"] for slot in slots), "results": last}


def too_many_modules(stage: Stage, paths: list[str]) -> object:
    """More loaded objects than there is room for."""
    loaded = [ctypes.CDLL(path) for path in paths]
    stage.open("*copy*")
    stage.arm(threads=1)
    stage.run(loaded[0].give_way)
    stage.run(loaded[-1].give_way)
    _shim.disarm()
    return len(_shim.loaded_modules())


def globs_again_and_again(stage: Stage) -> object:
    """The same glob any number of times, then too many, then one too long."""
    for _ in range(200):
        _shim.instrument(["*one*", "*two*"])
    refused = []
    for globs in ([f"*{n}*" for n in range(64)], ["x" * 256]):
        try:
            _shim.instrument(globs)
        except ValueError as error:
            refused.append(str(error))
    return [refused, bool(_shim.instrument([f"*{n}*" for n in range(62)])[0])]


def everything(stage: Stage) -> object:
    """The glob that matches all there is, stressor's own shim included."""
    module = load("callers")
    stage.open("*")
    _, missing = _shim.instrument([])
    stage.arm()
    stage.run(repeat(module.first_calls, 50, [1]), repeat(module.first_calls, 50, [2]))
    _shim.disarm()
    reasons = [each["reason"] for each in missing if each["module"].startswith("_shim.")]
    return {"reasons": reasons, "restored": _shim.restore() > 0}


def first_calls_together(stage: Stage, times: int) -> object:
    """Several threads are the first to call through lazily bound slots."""
    module = load("callers")
    stage.open("*callers*")
    stage.arm(threads=4)
    results = stage.run(*(repeat(module.first_calls, times, [1]) for _ in range(4)))
    _shim.disarm()
    return results


def wheel(stage: Stage, name: str, function: str) -> object:
    """A module from a wheel: what is covered, and that calling it visits sites."""
    module = load(name)
    slots, missing = _shim.instrument([f"*{name.rpartition('.')[2]}*"])
    stage.open()
    stage.arm()
    use = globals()[function]
    stage.run(repeat(use, 200, module), repeat(use, 200, module))
    _shim.disarm()
    kinds = sorted({slot["relocation"] for slot in slots if "python3.1" not in slot["module"]})
    return {"kinds": kinds, "uncovered": missing}


def use_csv(module: ModuleType) -> None:
    list(module.reader(["a,b", "c,d"]))


def use_frozenlist(module: ModuleType) -> None:
    module.FrozenList([1, 2]).append(3)


def use_numpy_random(module: ModuleType) -> None:
    module.Generator(importlib.import_module("numpy.random").PCG64(1)).integers(5, size=3)


def use_rpds(module: ModuleType) -> None:
    module.HashTrieMap({1: 2}).insert(3, 4).get(3)
