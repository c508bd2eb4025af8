"""An inventory that is summed up while things come and go."""

import inventory_fixed as case
from hypothesis import strategies as st

from stressor.targets import Target, operation

NAMES = st.sampled_from(["bolt", "nut", "screw", "nail"])


class Inventory(Target):
    def setup(self):
        inventory = case.Inventory()
        for number, name in enumerate(["bolt", "nut", "screw", "nail", "washer"]):
            inventory.put(name, 1000 + number)
        return inventory

    @operation(weight=2)
    def total(self, inventory):
        total = inventory.total()
        assert 0 <= total <= 5 * 2000, total

    @operation(name=NAMES, count=st.integers(1000, 2000))
    def put(self, inventory, name, count):
        inventory.put(name, count)

    @operation(name=NAMES, raises=KeyError)
    def remove(self, inventory, name):
        inventory.remove(name)
