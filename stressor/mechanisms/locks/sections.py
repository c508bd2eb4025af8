"""What the models of critical sections share: mutexes, each thread's stack of records, detaching.

Which objects are locked by whom, and what may go wrong there, is for `onesection`, `twosections` and
`suspension` to say. After Python/critical_section.c and detach_thread in Python/pystate.c.
"""

from stressor.mechanisms.base import Mechanism, Step, Steps, safety

NOBODY = ""
type Mutexes = tuple[str, ...]
type Record = tuple[Mutexes, bool]
"""A section's mutexes (none while the record says null), and whether it is active."""


class Sections(Mechanism):
    """Threads with stacks of critical sections. `setup` calls `lay_out`.

    `inside` has the mutexes that a thread's own code relies on, while it runs in a section.
    A mutex may be handed to any thread that sleeps for it, which has it before it is attached.
    """

    __slots__ = ()

    def lay_out(self, objects: tuple[str, ...], threads: tuple[str, ...]) -> None:
        """All mutexes free, all stacks empty, all threads attached."""
        self.owner = dict.fromkeys(objects, NOBODY)
        self.stack: dict[str, tuple[Record, ...]] = dict.fromkeys(threads, ())
        self.inside: dict[str, Mutexes] = dict.fromkeys(threads, ())
        self.attached = set(threads)
        self.suspending: set[str] = set()
        self.parked: set[str] = set()  # detached threads that a stop of the world has

    def push(self, me: str, mutexes: Mutexes) -> None:
        """A new top record."""
        self.stack[me] += ((mutexes, True),)

    def set_top(self, me: str, mutexes: Mutexes, active: bool) -> None:
        """Change the top record."""
        self.stack[me] = (*self.stack[me][:-1], (mutexes, active))

    def try_lock(self, me: str, mutex: str) -> bool:
        """PyMutex_LockFast."""
        if self.owner[mutex] != NOBODY:
            return False
        self.owner[mutex] = me
        return True

    def lock(self, me: str, mutex: str) -> Steps:
        """PyMutex_Lock: sleeps detached, and so suspends the sections that are active."""
        yield f"PyMutex_Lock({mutex})"
        if self.try_lock(me, mutex):
            return
        yield from self.detach(me)
        yield Step(f"PyMutex_Lock({mutex}): sleep", until=lambda: self.owner[mutex] == NOBODY)
        self.owner[mutex] = me
        yield from self.attach(me)

    def detach(self, me: str) -> Steps:
        """detach_thread: suspend the sections, then be detached."""
        yield "detach_thread"
        self.inside[me] = ()
        self.suspending.add(me)
        yield from self.suspend_all(me)
        yield "tstate_set_detached"
        self.suspending.discard(me)
        self.attached.discard(me)

    def attach(self, me: str) -> Steps:
        """_PyThreadState_Attach: not while the world's stop has it; then the top section is resumed."""
        yield Step("_PyThreadState_Attach", until=lambda: me not in self.parked)
        self.attached.add(me)
        if self.stack[me]:
            yield from self.resume(me)

    def suspend_all(self, me: str) -> Steps:
        """_PyCriticalSection_SuspendAll: from the top to the first that is inactive."""
        for number in reversed(range(len(self.stack[me]))):
            if not self.stack[me][number][1]:
                return
            yield from self.suspend(me, number)

    def suspend(self, me: str, number: int) -> Steps:
        """One section: unlock what it has, mark it."""
        mutexes, _ = self.stack[me][number]
        for each in self.suspended_mutexes(mutexes):
            yield f"_PyCriticalSection_SuspendAll: PyMutex_Unlock({each})"
            self.owner[each] = NOBODY
        records = list(self.stack[me])
        records[number] = mutexes, False
        self.stack[me] = tuple(records)

    def suspended_mutexes(self, mutexes: Mutexes) -> Mutexes:
        """Those of a record that a suspension unlocks: all that it has."""
        return mutexes

    def resume(self, me: str) -> Steps:
        """_PyCriticalSection_Resume: lock what the top record has, which is null meanwhile."""
        mutexes, _ = self.stack[me][-1]
        self.set_top(me, (), False)
        for each in mutexes:
            yield from self.lock(me, each)
        self.set_top(me, mutexes, True)

    def begin(self, me: str, mutex: str) -> Steps:
        """PyCriticalSection_Begin."""
        yield f"PyCriticalSection_Begin({mutex}): PyMutex_LockFast"
        self.inside[me] = ()
        if self.try_lock(me, mutex):
            self.push(me, (mutex,))
        else:
            yield from self.begin_slow(me, mutex)
        self.inside[me] = (mutex,)

    def begin_slow(self, me: str, mutex: str) -> Steps:
        """_PyCriticalSection_BeginSlow: the record is pushed first, and says null until it is locked."""
        self.push(me, ())
        yield from self.lock(me, mutex)
        self.set_top(me, (mutex,), True)

    def end(self, me: str) -> Steps:
        """PyCriticalSection_End, or PyCriticalSection2_End."""
        mutexes, _ = self.stack[me][-1]
        function = "PyCriticalSection2_End" if len(mutexes) == 2 else "PyCriticalSection_End"
        for each in mutexes[::-1]:
            yield f"{function}: PyMutex_Unlock({each})"
            self.inside[me] = ()
            self.require(self.owner[each] == me, "I5", "a section unlocks only what its thread has")
            self.owner[each] = NOBODY
        yield from self.pop(me)
        self.inside[me] = self.stack[me][-1][0] if self.stack[me] else ()

    def pop(self, me: str) -> Steps:
        """_PyCriticalSection_Pop: the section below is resumed if it was suspended."""
        yield "_PyCriticalSection_Pop"
        self.stack[me] = self.stack[me][:-1]
        if self.stack[me] and not self.stack[me][-1][1]:
            yield from self.resume(me)

    def blocking_call(self, me: str) -> Steps:
        """Own code that detaches: its sections protect nothing until it is back."""
        yield "PyEval_SaveThread"
        yield from self.detach(me)
        yield from self.attach(me)
        self.inside[me] = self.stack[me][-1][0]

    @safety("I1", "a thread that runs in a section has the section's mutexes")
    def owns_what_it_relies_on(self) -> bool:
        return all(
            self.owner[each] == thread
            for thread, mutexes in self.inside.items()
            for each in mutexes
        )

    @safety("I2", "a thread that is detached has no mutex that its sections record")
    def detached_owns_nothing(self) -> bool:
        return not any(
            self.owner[each] == thread
            for thread, records in self.stack.items()
            if records and thread not in self.attached
            for mutexes, _ in records
            for each in mutexes
        )

    @safety("I3", "the suspended sections of a thread are those at the bottom of its stack")
    def suspended_are_outer(self) -> bool:
        for thread, records in self.stack.items():
            active = [each for _, each in records]
            if thread not in self.suspending and active != sorted(active):
                return False
        return True
