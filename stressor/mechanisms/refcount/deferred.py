"""RC-DEFER: objects that only the collector frees, and their end with the second thread."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

UNIT = 4
NONE, QUEUED = 0, 2
IN_COMPILE, LATER = "code of compile()", "function"
MAIN, SECOND, NO_TID = "main", "second", ""
ON, OFF, IMMORTAL = "deferred", "counted", "immortal"
NOBODY = ""


class DeferredCounting(Mechanism):
    """Functions, code and modules have one reference more than anybody holds, until the collector.

    `_PyObject_SetDeferredRefcount` sets a bit, adds that reference to the local count and flags the
    shared one as queued, so that another thread's decrement never asks the owner to merge. Only the
    collector, with the world stopped, clears the bit and takes the reference off. As 3.13 still
    counts every other reference to such objects, which threads would fight for, the creation of the
    second thread makes all of them immortal, and those that come later at once; compile() keeps that
    off, for its own thread and, the flag being one for all, for others too.

    Simplified: two objects; local and shared counts change in one step each; finalizers are left out
    and the collector looks at these objects only. The stack references that are not counted at all
    (the original design, and 3.14) are RC-DEFER-STACK.
    """

    name = "rc-defer"
    title = "Deferred reference counting in 3.13"
    status = Status.CURRENT
    sources = ("PEP 703", "Objects/object.c", "Python/gc_free_threading.c", "Python/pystate.c")
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "flag-after-start": "gc.immortalize is set when the world runs again.",
        "not-flagged-queued": "The shared count stays 0, and another thread's decrement asks to merge.",
        "keeps-extra": "The collector clears the bit, and leaves the extra reference.",
        "takes-extra-again": "The collector leaves the bit, and takes the reference off each time.",
        "counts-to-zero": "The extra reference is not added: the last decrement frees.",
        "flag-checked-outside": "The world is stopped for a flag that was loaded before, and not again.",
    }

    def setup(self) -> None:
        """Nothing is made yet. What `SECOND` is to have of the first object, `MAIN` counted for it."""
        both = (IN_COMPILE, LATER)
        self.immortalize = 0  # gc.immortalize
        self.pass_done = False  # all that is deferred was made immortal, by this flag's side
        self.kind = dict.fromkeys(both, "")
        self.local = dict.fromkeys(both, 0)
        self.shared = dict.fromkeys(both, 0)
        self.handles = {(name, who): 0 for name in both for who in (MAIN, SECOND)}
        self.unsafe = False  # main is between two safe points
        self.stopped = NOBODY
        self.freed: set[str] = set()
        self.over: set[str] = set()

    def threads(self) -> dict[str, Steps]:
        """The main thread, a second that attaches meanwhile, and two collections."""
        return {MAIN: self.main(), SECOND: self.second(), "collector": self.collector()}

    def main(self) -> Steps:
        """Makes two objects, the first one in compile()."""
        yield Step("compile: immortalize - 2", until=lambda: self.stopped == NOBODY)
        self.immortalize -= 2
        yield from self.create(IN_COMPILE)
        yield Step("compile: immortalize + 2", until=lambda: self.stopped == NOBODY)
        self.immortalize += 2
        yield from self.create(LATER)
        for name in (IN_COMPILE, LATER):
            yield Step("Py_DECREF", until=lambda: self.stopped == NOBODY)
            self.decrement(name, MAIN)
        self.over.add(MAIN)

    def create(self, name: str) -> Steps:
        """_PyObject_SetDeferredRefcount on a new object; there is no safe point in it."""
        yield Step("make the object", until=lambda: self.stopped == NOBODY)
        self.unsafe = True
        others = 1 if name == IN_COMPILE else 0
        self.local[name] = 1 + others
        self.handles[name, MAIN] = 1
        yield "_PyObject_SetDeferredRefcount: load gc.immortalize"
        if self.immortalize == 1:
            self.kind[name] = IMMORTAL
        else:
            yield "_PyObject_SetDeferredRefcount: ob_ref_local + 1, ob_ref_shared = queued"
            self.kind[name] = ON
            self.local[name] += 0 if self.has("counts-to-zero") else 1
            self.shared[name] = NONE if self.has("not-flagged-queued") else QUEUED
        self.handles[name, SECOND] = others
        self.unsafe = False

    def second(self) -> Steps:
        """Attaches, and drops the reference that it was given."""
        yield "new_threadstate: load gc.immortalize"
        if self.immortalize == 0:
            yield from self.immortalize_all()
        yield Step(
            "Py_DECREF",
            until=lambda: self.handles[IN_COMPILE, SECOND] and self.stopped == NOBODY,
        )
        self.decrement(IN_COMPILE, SECOND)
        self.over.add(SECOND)

    def immortalize_all(self) -> Steps:
        """_PyGC_ImmortalizeDeferredObjects."""
        yield from self.stop_the_world(SECOND)
        if self.immortalize == 0 or self.has("flag-checked-outside"):
            yield "immortalize_visitor: all that is deferred"
            for name in self.kind:
                if self.kind[name] == ON:
                    self.kind[name] = IMMORTAL
            late = self.has("flag-after-start")
            if not late:
                yield "gc.immortalize = 1"
                self.immortalize = 1
            yield "_PyEval_StartTheWorld"
            self.stopped = NOBODY
            self.pass_done = True
            if late:
                yield "gc.immortalize = 1"
                self.immortalize = 1
        else:
            yield "_PyEval_StartTheWorld"
            self.stopped = NOBODY

    def stop_the_world(self, me: str) -> Steps:
        """No thread is between safe points then."""
        yield Step("_PyEval_StopTheWorld", until=lambda: not self.unsafe and self.stopped == NOBODY)
        self.stopped = me

    def collector(self) -> Steps:
        """One collection at any time, and one at the end."""
        yield from self.collect()
        yield Step("at the end", until=lambda: len(self.over) == 2)
        yield from self.collect()

    def collect(self) -> Steps:
        """gc_free_threaded: what nobody refers to loses its extra reference and is freed."""
        yield from self.stop_the_world("collector")
        yield "deduce_unreachable_heap: disable_deferred_refcounting, merge_refcount"
        for name in self.kind:
            if self.kind[name] == ON and not self.held(name):
                self.disable(name)
        yield "_PyEval_StartTheWorld"
        self.stopped = NOBODY

    def disable(self, name: str) -> None:
        """disable_deferred_refcounting, and what the merge finds."""
        if not self.has("keeps-extra"):
            self.shared[name] -= UNIT
        if not self.has("takes-extra-again"):
            self.kind[name] = OFF
        count = self.local[name] + (self.shared[name] >> 2)
        self.require(count >= 0, "I3", "the extra reference is taken off once")
        if count == 0 and self.kind[name] == OFF:
            self.free(name)

    def decrement(self, name: str, me: str) -> None:
        """Py_DECREF by the owner (`MAIN`) or another thread."""
        self.handles[name, me] -= 1
        if self.kind[name] == IMMORTAL:
            return
        if me == MAIN:
            self.local[name] -= 1
            if self.local[name] + (self.shared[name] >> 2) == 0:
                self.free(name)
            return
        unqueued = self.shared[name] == NONE
        self.require(
            not unqueued or self.kind[name] != ON,
            "I4",
            "a deferred object is never queued to merge",
        )
        self.shared[name] -= UNIT

    def held(self, name: str) -> int:
        """How many references there really are."""
        return self.handles[name, MAIN] + self.handles[name, SECOND]

    def free(self, name: str) -> None:
        """_Py_Dealloc."""
        collecting = self.stopped == "collector"
        self.require(collecting, "I2", "what was deferred is freed by the collector only")
        self.freed.add(name)

    @safety("I1", "nobody has a reference to a freed object")
    def no_handle_is_left(self) -> bool:
        return not any(self.held(name) for name in self.freed)

    @safety("I5", "after the pass, nothing is deferred but what compile() makes")
    def pass_is_complete(self) -> bool:
        return not (self.pass_done and self.stopped == NOBODY and self.kind[LATER] == ON)

    @safety("I6", "gc.immortalize is 0 or 1, less 2 within compile()")
    def flag_is_known(self) -> bool:
        return self.immortalize in (-2, -1, 0, 1)

    @liveness("L1", "what nobody refers to is freed by the last collection, or immortal")
    def nothing_leaks(self) -> bool:
        return all(name in self.freed or self.kind[name] == IMMORTAL for name in self.kind)
