"""A journal that several threads write; every record must be there, whole, in some order."""

import journal_fixed as case
from hypothesis import strategies as st

from stressor.targets import Target, operation


class State:
    def __init__(self):
        self.journal = case.Journal()
        self.journal.write(b"begin\n")
        self.written = [b"begin\n"]


class Journal(Target):
    def setup(self):
        return State()

    @operation(length=st.integers(1, 40), letter=st.sampled_from([b"a", b"b", b"c"]), weight=3)
    def write(self, state, length, letter):
        record = letter * length + b"\n"
        state.journal.write(record)
        state.written.append(record)

    @operation
    def getvalue(self, state):
        return state.journal.getvalue()

    def check(self, state):
        value = state.journal.getvalue()
        assert sorted(value.splitlines(keepends=True)) == sorted(state.written)
