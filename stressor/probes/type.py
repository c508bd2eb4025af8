"""CC-TYPE held against the real attribute cache: what was found was right at a moment of the call.

The values are told apart by what they are. In 3.13 a reader does not look at the type's version again
(the reference's defect "no-version-recheck"), so it may return an object that took the address of the
dropped value. Nothing here could: no value is made after one was dropped. Not held: subclasses,
and versions that run out.
"""

from stressor import _probes
from stressor.mechanisms.containers.types import TypeCache
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

type Scene = tuple[type, type, type, str, str]

READ, MRO = "_PySeqLock_BeginRead", "type_get_mro"
OTHER = "_PyType_LookupRef: load entry->name"
SET, BASES = "type_setattro: lock", "type_set_bases: with the lock"
VALUES = ("", "x", "y", "g")
"""By their tags in type.c."""


class One:
    """The base that the type has at first."""


class Two:
    """The base that it gets."""


def was_f(model: TypeCache, thread: str, value: int) -> bool:
    """What was found as f (tag)."""
    return VALUES[value] in model.truth("f")


def was_g(model: TypeCache, thread: str, value: int) -> bool:
    """What was found as g (tag)."""
    return VALUES[value] in model.truth("g")


def was_mro(model: TypeCache, thread: str, value: int) -> bool:
    """Which mro was found, by its base."""
    return model.tp_mro == f"mro{value}"


class TypeProbe(Probe):
    """One thread reads f and the mro of a type, one changes f and the bases, one reads g."""

    mechanism = TypeCache
    roles = (("reader",), ("modifier",), ("other1",))
    sees = {
        "get f": Seen((READ,)),
        "got f": Seen((MRO,), rests=True, holds=was_f),
        "get mro": Seen((MRO,)),
        "got mro": Seen((END,), rests=True, holds=was_mro),
        "set f": Seen((SET,)),
        "f set": Seen((BASES,), rests=True),
        "set bases": Seen((BASES,)),
        "bases set": Seen((END,), rests=True),
        "get g": Seen((OTHER,)),
        "got g": Seen((END,), rests=True, holds=was_g),
    }

    def make(self) -> Scene:
        return _probes.type_scene(One, Two)

    @operation
    def round(self, state: Scene) -> None:
        _probes.type_round(state)


class VersionAfterWalk(TypeProbe):
    """A reader has a cache of its own, under the version that the type has after the walk."""

    sees = TypeProbe.sees | {"walked": Seen((READ,), rests=True)}

    @operation
    def round(self, state: Scene) -> None:
        _probes.type_round_own_cache(state)
