"""A setting that several threads change."""

import setting as case
from hypothesis import strategies as st

from stressor.targets import Target, operation


class Setting(Target):
    def setup(self):
        return case.Setting("value number 1000")

    @operation
    def get(self, setting):
        value = setting.get()
        assert value.startswith("value number"), value
        return value

    @operation(number=st.integers(0, 9), weight=2)
    def set(self, setting, number):
        # Made here, so that the setting has the only reference.
        return setting.set(f"value number {number}")

    def check(self, setting):
        assert setting.get().startswith("value number"), setting.get()
