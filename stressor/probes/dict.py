"""CC-DICT held against the real dict: whatever a reader got was the key's value at a moment of its call.

In 3.13 `popitem` gives its entry back to the next insertion, and a reader that has matched the key
before may take that one's value (the reference's defect "popitem-gives-entry-back", docs/cpython.md):
this alone is allowed here too. Not held: the memory of keys objects, which only a crash would show;
split tables; keys whose comparison runs Python code.
"""

from stressor import _probes
from stressor.mechanisms.containers.dicts import OptimisticDict
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

type Dict = dict[int, float]

BEGIN, LOAD, DROP = (
    "Py_BEGIN_CRITICAL_SECTION",
    "_Py_dict_lookup_threadsafe: load ma_keys",
    "Py_DECREF",
)
VALUES = ("", "x", "y", "value of b")
"""By their tags in dict.c."""


def keys_are_new(model: OptimisticDict, thread: str, value: int) -> bool:
    """The writer has made the dict take another keys object."""
    return model.ma_keys == 2


def value_is(model: OptimisticDict, thread: str, value: int) -> bool:
    """What the key has now (tag)."""
    return VALUES[value] == model.truth()


def was_value(model: OptimisticDict, thread: str, value: int) -> bool:
    """The value (tag) that a reader got; or what has taken its entry during the call."""
    if VALUES[value] == model.truth():
        return True
    matched = any(model.seen) and model.calling
    return matched and model.entries[model.ma_keys, 0] == ("b", "V") and VALUES[value] == VALUES[-1]


class DictProbe(Probe):
    """One thread resizes, sets, pops and inserts; another looks the key up meanwhile."""

    mechanism = OptimisticDict
    defect = "popitem-gives-entry-back"
    sizes = {"reads": 2}
    roles = (("writer",), ("reader",))
    sees = {
        "resize": Seen((BEGIN,)),
        "resized": Seen((BEGIN,), rests=True, holds=keys_are_new),
        "set": Seen((BEGIN,)),
        "set it": Seen((BEGIN,), rests=True, holds=value_is),
        "pop": Seen((BEGIN,)),
        "popped": Seen((BEGIN,), rests=True, holds=value_is),
        "insert": Seen((BEGIN,)),
        "inserted": Seen((END,), rests=True),
        "get": Seen((LOAD,)),
        "got": Seen((DROP,), holds=was_value),
        "got none": Seen((LOAD, END), rests=True, holds=was_value),
        "dropped": Seen((LOAD, END), rests=True),
    }

    def make(self) -> Dict:
        return _probes.dict_new()

    @operation
    def round(self, state: Dict) -> None:
        _probes.dict_round(state)


class SetsInTwoSteps(DictProbe):
    """A value is replaced by taking it out first, which others can see."""

    @operation
    def round(self, state: Dict) -> None:
        _probes.dict_round_in_two_steps(state)


class RemembersValue(DictProbe):
    """A reader believes that what it has read once is still there."""

    @operation
    def round(self, state: Dict) -> None:
        _probes.dict_round_remembering(state)
