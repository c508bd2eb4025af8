"""A symbol table that all threads ask for symbols; a name may have only one."""

import symtab as case
from hypothesis import strategies as st

from stressor.targets import Target, operation


class Symbols(Target):
    def setup(self):
        case.reset()
        return []

    @operation(number=st.integers(0, 99))
    def intern(self, seen, number):
        name = f"name {number}"
        seen.append((name, case.intern(name)))

    def check(self, seen):
        symbols = {}
        for name, symbol in seen:
            assert symbols.setdefault(name, symbol) is symbol, f"two symbols have one {name!r}"
