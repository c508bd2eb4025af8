"""States from which no schedule ever ends: threads that spin for what nobody will do any more.

Where some thread waits, the run comes to rest and says so; where they spin, there is no rest. So after
the search all states are asked whether a state of rest can still be reached, whatever the schedule: the
liveness property "AG EF end" of Clarke, Emerson, Sistla (TOPLAS 1986), which no fairness can mend.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence


def without_end(ahead: Sequence[int], after: Callable[[int], Sequence[int]]) -> list[int]:
    """The states, by number and in this order, from which no state of rest can be reached.

    `ahead` has one that can follow each state, negative for a state of rest; what it is too short for
    is taken to end. `after` are all that can follow.
    """
    ends = bytearray(len(ahead))
    left = list(range(len(ahead) - 1, -1, -1))
    shrinks = True
    while shrinks:  # most lead to states found later: few rounds will do
        asked, left = left, []
        for number in asked:
            to = ahead[number]
            if to < 0 or to >= len(ahead) or ends[to]:
                ends[number] = 1
            else:
                left.append(number)
        shrinks = len(left) < len(asked)
    before: defaultdict[int, list[int]] = defaultdict(list)
    ending: list[int] = []
    for number in left:
        for to in after(number):
            if to >= len(ahead) or ends[to]:
                ending.append(number)
            else:
                before[to].append(number)
    while ending:
        number = ending.pop()
        if not ends[number]:
            ends[number] = 1
            ending += before[number]
    return [number for number in reversed(left) if not ends[number]]


def from_here_on(
    begin: int,
    after: Callable[[int], dict[int, int]],
    taken: Callable[[int, int], Sequence[int]],
) -> list[int]:
    """The threads whose steps lead from a state without end into a round and once along it.

    They take turns, so that it is no thread's absence that keeps the others going. `after` are the
    states that can follow by thread, `taken` the steps that such a thread takes.
    """
    number, turn = begin, -1
    met: set[tuple[int, int]] = set()
    threads: list[int] = []
    while (number, turn) not in met:
        met.add((number, turn))
        ways = after(number)
        turn = min(ways, key=lambda thread: (thread <= turn, thread))
        threads += taken(number, turn)
        number = ways[turn]
    return threads
