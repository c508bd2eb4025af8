"""LK-DEADLOCK: safethread's detection of deadlocks, which fails one thread of a cycle."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NOBODY = ""
PROGRAMS = {"T1": ("A", "B"), "T2": ("B", "A"), "T3": ("B", "", "A")}
"""What each enters, one in the other; an empty name leaves what was entered so far."""


class DeadlockDetection(Mechanism):
    """Before a thread blocks on a monitor it records so, and walks from owner to owner.

    The graph of who waits for what, and who owns what, is changed and walked under one lock. If the
    walk comes back to the thread that started it, a victim is chosen from the cycle: its entering
    fails with an exception, its other monitors are left as the exception unwinds, and the others go
    on. An edge is removed when its thread stops waiting, whether it got in or failed. A thread that
    enters what it owns already does not wait for itself.

    Simplified: a reconstruction from a status report; two monitors and three threads; the victim is
    the last of the cycle by name; all that is done under the graph's lock is one step.
    """

    name = "lk-deadlock"
    title = "Deadlock detection and breaking"
    status = Status.MODEL
    sources = ("A. Olsen, python-safethread status report (2008)",)
    stuck = ("L1", "every cycle is broken")
    defects = {
        "edge-after-check": "A thread walks the graph before its own edge is in it.",
        "edge-stays": "The edge is not removed when the thread got in.",
        "reads-owners-unlocked": "The walk reads owners and edges without the lock.",
        "two-victims": "The thread that finds the cycle fails as well as the victim.",
        "counts-own-monitor": "Entering what the thread owns already is taken for a cycle.",
        "victim-keeps-monitors": "A victim's exception does not leave its other monitors.",
    }

    def setup(self) -> None:
        """Nobody is inside, nobody waits."""
        self.owner = {"A": NOBODY, "B": NOBODY}
        self.edges: dict[str, str] = {}  # the graph: what a thread waits for
        self.blocked: dict[str, str] = {}  # the truth about that
        self.victims: set[str] = set()  # chosen, have yet to fail
        self.cycles = 0
        self.failures = 0

    def threads(self) -> dict[str, Steps]:
        """Threads that deadlock with each other, and one that never waits with a monitor in hand."""
        return {name: self.worker(name, PROGRAMS[name]) for name in PROGRAMS}

    def worker(self, me: str, monitors: tuple[str, ...]) -> Steps:
        """Enters them one after the other, the first twice; leaves all, also when one fails."""
        for each in (*monitors[:1], *monitors):
            if each == NOBODY:
                yield from self.leave_all(me)
            elif not (yield from self.enter(me, each)):
                self.failures += 1
                if self.has("victim-keeps-monitors"):
                    return
                break
        yield from self.leave_all(me)

    def leave_all(self, me: str) -> Steps:
        """Leave what was entered, as a return does and an exception too."""
        yield "leave"
        for monitor, owner in self.owner.items():
            if owner == me:
                self.owner[monitor] = NOBODY

    def enter(self, me: str, monitor: str) -> Steps[bool]:
        """Whether the thread got in; if not, it has to unwind."""
        yield "enter: lock graph, try"
        mine = self.owner[monitor] == me and not self.has("counts-own-monitor")
        if self.owner[monitor] == NOBODY or mine:
            self.owner[monitor] = me
            return True
        cycle = yield from self.check(me, monitor)
        if cycle and self.broken_by(me, cycle):
            return False
        yield Step(
            "enter: wait",
            until=lambda: me in self.victims or self.owner[monitor] == NOBODY,
        )
        self.blocked.pop(me)
        if me in self.victims:
            self.victims.remove(me)
            self.edges.pop(me, None)
            return False
        self.owner[monitor] = me
        if not self.has("edge-stays"):
            self.edges.pop(me)
        return True

    def check(self, me: str, monitor: str) -> Steps[tuple[str, ...]]:
        """Record the edge and walk; the threads of the cycle, if there is one."""
        if self.has("edge-after-check"):
            cycle = self.walk(me, monitor)
            yield "enter: lock graph, record edge"
            self.edges[me] = self.blocked[me] = monitor
        elif self.has("reads-owners-unlocked"):
            self.edges[me] = self.blocked[me] = monitor
            cycle = yield from self.walk_unlocked(me, monitor)
        else:
            self.edges[me] = self.blocked[me] = monitor
            cycle = self.walk(me, monitor)
        return cycle

    def walk(self, me: str, monitor: str) -> tuple[str, ...]:
        """From owner to owner, with the graph's lock."""
        found = [me]
        while (owner := self.owner[monitor]) not in (NOBODY, *found[1:]):
            if owner == me:
                return tuple(found)
            found.append(owner)
            if owner in self.victims or owner not in self.edges:
                break
            monitor = self.edges[owner]
        return ()

    def walk_unlocked(self, me: str, monitor: str) -> Steps[tuple[str, ...]]:
        """The same with two monitors, while others change what is read."""
        yield "enter: load owner"
        other = self.owner[monitor]
        yield "enter: load what the owner waits for"
        following = self.edges.get(other, NOBODY)
        if following == NOBODY or other in self.victims:
            return ()
        yield "enter: load the owner of that"
        return (me, other) if self.owner[following] == me else ()

    def broken_by(self, me: str, cycle: tuple[str, ...]) -> bool:
        """Choose the victim; whether the thread that found the cycle fails."""
        real = all(self.waits_for(each, cycle) for each in cycle)
        self.require(real, "I1", "an exception is raised only for a cycle that exists")
        self.cycles += 1
        victim = max(cycle)
        if victim != me:
            self.victims.add(victim)
            if not self.has("two-victims"):
                return False
        self.edges.pop(me)
        self.blocked.pop(me)
        return True

    def waits_for(self, thread: str, cycle: tuple[str, ...]) -> bool:
        """Whether a thread really waits for another one of the cycle."""
        owner = self.owner.get(self.blocked.get(thread, NOBODY), NOBODY)
        return owner != thread and owner in cycle

    @safety("I2", "one victim for each cycle")
    def one_victim(self) -> bool:
        return self.failures + len(self.victims) <= self.cycles

    @safety("I3", "the graph has no edge of a thread that does not wait")
    def no_stale_edge(self) -> bool:
        return self.edges.items() <= self.blocked.items()

    @liveness("I4", "at rest every monitor is free and the graph is empty")
    def all_is_left(self) -> bool:
        return not any(self.owner.values()) and not self.edges
