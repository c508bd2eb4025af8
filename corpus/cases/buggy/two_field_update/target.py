"""A viewport that several threads scroll; its height never changes."""

import viewport as case
from hypothesis import strategies as st

from stressor.targets import Target, operation

HEIGHT = 40


class Viewport(Target):
    def setup(self):
        viewport = case.Viewport()
        viewport.show(0, HEIGHT)
        return viewport

    @operation(top=st.integers(0, 1000))
    def show(self, viewport, top):
        viewport.show(top, top + HEIGHT)

    @operation(weight=2)
    def shown(self, viewport):
        # What is seen meanwhile may be half of a change: only what remains is judged.
        return viewport.shown()

    def check(self, viewport):
        top, bottom = viewport.shown()
        assert bottom - top == HEIGHT, (top, bottom)
