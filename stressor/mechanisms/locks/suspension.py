"""LK-CSSUSP: critical sections are suspended wherever a GIL would have been released."""

from stressor.mechanisms.base import Status, Step, Steps, liveness
from stressor.mechanisms.locks.sections import NOBODY, Sections

COLLECTOR = "collector"


class Suspension(Sections):
    """A thread that detaches unlocks all its sections; attached again, it locks the top one again.

    It detaches to sleep, in code that releases the thread state, and when the world is stopped. All
    active sections are unlocked then and marked inactive, from the top down; attaching locks the top
    one only, when the thread is marked attached already, and the others follow as each comes to the
    top. So a detached thread holds up nobody with its sections, and none waits for one section with
    another in its hands. One thing remains: a sleeper may be handed the mutex, and then find the world
    stopped before it has attached. Who stops the world must not lock objects until it runs again.

    A stop is a request at first: who is detached is parked at once, the others are asked, and come to it
    at their eval breaker, or are found detached when the collector looks again; until then a thread may
    attach. Who was asked and comes too late, when the world runs again, detaches for a moment.

    Simplified: mutexes are handed to any thread that sleeps for them; the
    collector runs one finalizer, with a section on one object, after the world was started again.
    """

    name = "lk-cssusp"
    title = "Suspension of critical sections"
    status = Status.CURRENT
    sources = ("Python/critical_section.c", "Python/pystate.c (detach_thread)", "PEP 703")
    stuck = ("L1", "attaching is completed, and so is stopping the world")
    defects = {
        "suspends-top": "Detaching suspends the top section only.",
        "resumes-all": "Attaching locks the mutexes of all sections again, from the bottom up.",
        "resumes-before-attached": "The section is locked again before the thread is attached.",
        "not-marked": "Sections are unlocked, but not marked inactive.",
        "stop-keeps-sections": "A thread that stops for the world keeps its sections locked.",
        "locks-in-stopped-world": "The collector locks an object before it starts the world again.",
    }

    def setup(self) -> None:
        """Two objects, two threads that nest them in opposite order, and a collector."""
        self.lay_out(("A", "B"), ("T1", "T2", COLLECTOR))
        self.attached = {COLLECTOR}
        self.requested = False
        self.asked: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """One detaches by its own will, the other when the world is stopped."""
        return {
            "T1": self.saver("T1", "A", "B"),
            "T2": self.stopping("T2", "B", "A"),
            COLLECTOR: self.collector(),
        }

    def saver(self, me: str, outer: str, inner: str) -> Steps:
        """Blocks within two sections."""
        yield from self.attach(me)
        yield from self.begin(me, outer)
        yield from self.begin(me, inner)
        yield from self.blocking_call(me)
        yield from self.end(me)
        yield from self.end(me)
        self.attached.discard(me)

    def stopping(self, me: str, outer: str, inner: str) -> Steps:
        """Comes by the eval breaker within two sections."""
        yield from self.attach(me)
        yield from self.begin(me, outer)
        yield from self.begin(me, inner)
        yield "_PyThreadState_Suspend, if asked to"
        if me in self.asked:
            self.asked.discard(me)
            yield from self.stop(me)
            yield from self.attach(me)
            self.inside[me] = self.stack[me][-1][0]
        yield from self.end(me)
        yield from self.end(me)
        self.attached.discard(me)

    def stop(self, me: str) -> Steps:
        """detach_thread, to the state "suspended" if there is still a request."""
        to_park = self.requested
        if self.has("stop-keeps-sections"):
            yield "tstate_set_detached"
            self.attached.discard(me)
        else:
            yield from self.detach(me)
        if to_park:
            self.parked.add(me)

    def collector(self) -> Steps:
        """Stops the world, starts it again, and runs a finalizer in a section."""
        yield "stop_the_world"
        self.requested = True
        self.park_detached()
        while self.parked != {"T1", "T2"}:
            yield Step("park_detached_threads", until=self.somebody_detached)
            self.park_detached()
        if self.has("locks-in-stopped-world"):
            yield Step("PyMutex_Lock(A)", until=lambda: self.owner["A"] == NOBODY)
        yield "start_the_world"
        self.requested = False
        self.parked.clear()
        yield from self.begin(COLLECTOR, "A")
        yield from self.end(COLLECTOR)

    def somebody_detached(self) -> bool:
        """Whether another look at the threads finds more of them, or all."""
        return {"T1", "T2"} - self.attached != self.parked or self.parked == {"T1", "T2"}

    def park_detached(self) -> None:
        """park_detached_threads: those that are not attached stay so, the others are asked."""
        self.parked = {"T1", "T2"} - self.attached
        self.asked |= self.attached - {COLLECTOR}

    def attach(self, me: str) -> Steps:
        """_PyThreadState_Attach."""
        if self.has("resumes-before-attached"):
            yield "_PyCriticalSection_Resume"
            if self.stack[me]:
                yield from self.resume(me)
            yield Step("_PyThreadState_Attach", until=lambda: me not in self.parked)
            self.attached.add(me)
        elif self.has("resumes-all"):
            yield Step("_PyThreadState_Attach", until=lambda: me not in self.parked)
            self.attached.add(me)
            yield from self.resume_all(me)
        else:
            yield from super().attach(me)

    def resume_all(self, me: str) -> Steps:
        """Lock all that was suspended; none is recorded until all are locked."""
        records = self.stack[me]
        self.stack[me] = tuple(((), False) for _ in records)
        for mutexes, active in records:
            for each in () if active else mutexes:
                yield from self.wait_for(me, each)
        self.stack[me] = tuple((mutexes, True) for mutexes, _ in records)

    def wait_for(self, me: str, mutex: str) -> Steps:
        """PyMutex_Lock, with no section recorded that a suspension could unlock."""
        yield Step(f"PyMutex_Lock({mutex})", until=lambda: self.owner[mutex] == NOBODY)
        self.owner[mutex] = me

    def suspend_all(self, me: str) -> Steps:
        """_PyCriticalSection_SuspendAll."""
        before = self.stack[me]
        if self.has("suspends-top") and before:
            if before[-1][1]:
                yield from self.suspend(me, len(before) - 1)
            return
        yield from super().suspend_all(me)
        if self.has("not-marked"):
            self.stack[me] = before

    @liveness("I4", "at rest no mutex is held and no section is left")
    def all_ended(self) -> bool:
        return not any(self.owner.values()) and not any(self.stack.values())
