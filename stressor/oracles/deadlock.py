"""Deadlocks of controlled trials: for each thread what it waits for, where, and who holds that.

The turnstile found that no thread can ever go on, so that this is a fact and no guess from silence.
Who waits for what is known exactly; who holds it comes from `holders`, which says how sure it is.
Words only: that it is a failure, and its identity, is `hang`'s.
"""

from collections.abc import Mapping

from stressor.model.evidence import Control, Evidence
from stressor.model.site import Site
from stressor.oracles.holders import Held, Holders, Visit

# What nobody holds: somebody has to do something.
_NO_LOCKS = ("PyEvent_", "_PyParkingLot_", "pthread_cond_", "pthread_join", "poll", "select")
# Taken without a call while they are free: the inlined ones of extensions, and the interpreter's own,
# of which only the semaphore is seen that a waiter has for itself.
_UNSEEN = ("PyMutex_", "_PyRecursiveMutex_", "_PyRWMutex_", "_PyCriticalSection", "sem_")

type Sites = Mapping[str, Site]


def wait_for_graph(evidence: Evidence) -> list[str]:
    """Lines that tell the deadlock of a controlled trial; none when there was none."""
    control = evidence.control
    if control is None or not control.deadlock:
        return []
    graph, sites = _Graph(control), {site.key: site for site in evidence.sites}
    lines = [_line(graph, thread, sites) for thread in graph.wanted]
    if circle := graph.circle():
        lines.append(f"A circle of waits: thread {' -> thread '.join(map(str, circle))}.")
    if not graph.complete:
        lines.append(
            f"The record holds only the first {len(control.steps)} of {control.count} choices, so "
            "who holds what is not known."
        )
    return lines


class _Graph:
    """Who waits for whom."""

    def __init__(self, control: Control) -> None:
        self.complete = control.count == len(control.steps)
        self._waits = control.deadlock
        self._holders = Holders(control.steps if self.complete else ())
        self.wanted = {wait.thread: self._holders.wanted(wait) for wait in self._waits}

    def held(self, thread: int) -> list[Held]:
        """What is known of who has what `thread` waits for."""
        wanted = self.wanted[thread]
        if not self.complete or wanted.symbol.startswith(_NO_LOCKS):
            return []
        return self._holders.held(wanted.lock, self._waits)

    def remaining(self, thread: int) -> list[int]:
        """Who may have what `thread` waits for and nobody was seen to take, if its taker still lives.

        Only where a lock can be taken unseen; who waits for the same lock has probably not got it.
        """
        wanted = self.wanted[thread]
        if not self.complete or not wanted.symbol.startswith(_UNSEEN):
            return []
        return [other for other, its in self.wanted.items() if its.lock != wanted.lock]

    def has_ended(self, thread: int) -> bool:
        """Whether the thread made its last call."""
        return thread in self._holders.ended

    def circle(self) -> list[int]:
        """Threads of which each waits for the next, the first one again at the end; or empty."""
        for start in self.wanted:
            way = [start]
            while (following := self._next(way[-1])) is not None and following not in way:
                way.append(following)
            if following == start:
                return [*way, start]
        return []

    def _next(self, thread: int) -> int | None:
        held = self.held(thread)
        found = [held[0].by.thread] if held else self.remaining(thread)
        return found[0] if len(found) == 1 and found[0] in self.wanted else None


def _line(graph: _Graph, thread: int, sites: Sites) -> str:
    wanted = graph.wanted[thread]
    what = f"Thread {thread} waits at {_place(wanted, sites)}"
    if wanted.symbol.startswith(_NO_LOCKS) or not graph.complete:
        return f"{what}."
    own = wanted.symbol.startswith("sem_")
    lock = "a lock of Python code or of the interpreter" if own else f"{wanted.obj:#x}"
    return f"{what} for {lock}: {_who(graph, thread, sites)}."


def _who(graph: _Graph, thread: int, sites: Sites) -> str:
    held = graph.held(thread)
    if held:
        return " and ".join(_holder(graph, thread, each, sites) for each in held)
    if not graph.wanted[thread].symbol.startswith(_UNSEEN):
        return "nobody was seen to take it"
    others = " or ".join(map(str, graph.remaining(thread)))
    probably = f", probably by thread {others}" if others else ""
    return f"it was taken unseen, as a free one is{probably}"


def _holder(graph: _Graph, waiting: int, held: Held, sites: Sites) -> str:
    who = "it itself" if held.by.thread == waiting else f"thread {held.by.thread}"
    if graph.has_ended(held.by.thread):
        who += ", which has ended,"
    sure = "holds it since" if held.sure else "probably holds it since"
    return f"{who} {sure} {_place(held.by, sites)}"


def _place(visit: Visit, sites: Sites) -> str:
    """A visit in words: with the function of the extension where symbols are known."""
    site = sites.get(visit.site)
    if not visit.site:
        return "no site"
    if site is None or not site.function:
        return f"{visit.site} (visit {visit.visit})"
    source = f", {site.source}" if site.source else ""
    return f"{visit.symbol} in {site.function} (visit {visit.visit}{source})"
