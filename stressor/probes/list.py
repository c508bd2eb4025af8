"""CC-LIST held against the real list: whatever a reader got was there at a moment of its call.

The items are told apart by their values. In 3.13 a reader does not look again whether the list still
has the array it read from (the reference's defect "no-array-recheck"), so it may return an object that
took the address of a dropped item. Nothing here makes one: the item that an old array still has when
it is dropped is the last of the round. Not held: the memory of arrays, which only a crash would show.
"""

from stressor import _probes
from stressor.mechanisms.containers.lists import OptimisticList
from stressor.probes.base import Probe
from stressor.probes.monitor import END, Seen
from stressor.targets.definition import operation

BEGIN, LOAD, DROP = (
    "Py_BEGIN_CRITICAL_SECTION",
    "list_get_item_ref: load the shared bit",
    "Py_DECREF",
)
ITEMS = ("", "a", "b", "c", "e", "half")
"""By their tags in list.c."""


def size_is(model: OptimisticList, thread: str, value: int) -> bool:
    """The size that the writer leaves behind."""
    return model.size == value


def was_there(model: OptimisticList, thread: str, value: int) -> bool:
    """The item (tag) that a reader got for an index (lowest bit)."""
    return ITEMS[value >> 1] in model.truth(value & 1)


class ListProbe(Probe):
    """The owner deletes, appends and sets items of a list of two, which another reads."""

    mechanism = OptimisticList
    sizes = {"readers": 1, "reads": 3}  # a second reader would make 900,000 states
    roles = (("owner",), ("reader1",))
    sees = {
        "delete": Seen((BEGIN,)),
        "deleted": Seen((BEGIN,), rests=True, holds=size_is),
        "append": Seen((BEGIN,)),
        "appended": Seen((BEGIN,), rests=True, holds=size_is),
        "set": Seen((BEGIN,)),
        "set it": Seen((END,), rests=True, holds=size_is),
        "get": Seen((LOAD,)),
        "got": Seen((DROP,), holds=was_there),
        "got none": Seen((LOAD, END), rests=True, holds=was_there),
        "dropped": Seen((LOAD, END), rests=True),
    }

    def make(self) -> bytearray:
        return _probes.list_scene()

    def teardown(self, state: object) -> None:
        assert isinstance(state, bytearray)
        _probes.list_drop(state)

    @operation
    def round(self, state: bytearray) -> None:
        _probes.list_round(state)


class DeletesInTwoSteps(ListProbe):
    """An item is moved down in two steps that others can see."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.list_round_in_two_steps(state)


class RemembersItems(ListProbe):
    """A reader believes that what it has read once is still there."""

    @operation
    def round(self, state: bytearray) -> None:
        _probes.list_round_remembering(state)
