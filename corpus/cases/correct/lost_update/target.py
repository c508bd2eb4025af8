"""A tally of words; no word that was seen may be missing in the end."""

from collections import Counter

import tally_fixed as case
from hypothesis import strategies as st

from stressor.targets import Target, operation


class State:
    def __init__(self):
        self.tally = case.Tally()
        self.seen = []


class Tally(Target):
    def setup(self):
        return State()

    @operation(number=st.integers(0, 99))
    def see(self, state, number):
        word = f"word {number}"
        state.tally.see(word)
        state.seen.append(word)

    def check(self, state):
        counts, seen = state.tally.counts(), Counter(state.seen)
        lost = {
            word: (counts.get(word, 0), times)
            for word, times in seen.items()
            if counts.get(word, 0) != times
        }
        assert not lost, f"counted and seen: {lost}"
