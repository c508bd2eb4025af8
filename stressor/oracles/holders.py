"""Who holds which lock at the end of a controlled round: its steps, gone through once more.

A lock is taken when the AFTER side of the call that takes it is passed, and given back at the BEFORE
side of the one that gives it. What cannot be seen is said by `Held.sure`: a PyMutex is taken and given
back without a call as long as nobody waits for it (`Include/cpython/lock.h`), and a semaphore has no
owner at all, only a last one that passed it.

Critical sections of a thread nest, so an end closes the innermost; they are in force only while the
thread is attached (`Python/critical_section.c`), so one that waits detached holds none.
"""

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from attrs import frozen

from stressor.model.catalogue import BOTH, SYMBOLS
from stressor.model.evidence import Step, Wait, Why
from stressor.model.site import Kind, Phase

OB_MUTEX = 10
"""Where the lock of an object is in it (`struct _object` in `Include/object.h`, 3.13 and 3.14): a
section names the object, its slow path the lock."""


class Use(Enum):
    """What a call does with its lock."""

    TAKE = "take"
    SHARE = "share"  # with other readers
    TRY = "try"  # it may come back without
    BEGIN = "begin"  # a critical section
    BEGIN_SLOW = "begin-slow"  # the same, by the lock; its end may be inlined and not be seen
    WAIT = "wait"  # for a condition, giving back the lock that was taken last
    GIVE = "give"
    END = "end"


_USES = {
    Use.TAKE: "PyMutex_Lock _PyRecursiveMutex_Lock _PyRWMutex_Lock pthread_mutex_lock "
    "pthread_rwlock_wrlock",
    Use.SHARE: "_PyRWMutex_RLock pthread_rwlock_rdlock",
    Use.TRY: "PyThread_acquire_lock PyThread_acquire_lock_timed pthread_mutex_trylock "
    "pthread_mutex_timedlock sem_wait sem_trywait sem_timedwait sem_clockwait",
    Use.BEGIN: "PyCriticalSection_Begin PyCriticalSection2_Begin PyCriticalSection_BeginMutex "
    "PyCriticalSection2_BeginMutex",
    Use.BEGIN_SLOW: "_PyCriticalSection_BeginSlow _PyCriticalSection2_BeginSlow",
    Use.WAIT: "pthread_cond_wait pthread_cond_timedwait pthread_cond_clockwait",
    Use.GIVE: "PyMutex_Unlock _PyRecursiveMutex_Unlock _PyRWMutex_Unlock _PyRWMutex_RUnlock "
    "PyThread_release_lock pthread_mutex_unlock pthread_rwlock_unlock sem_post",
    Use.END: "PyCriticalSection_End PyCriticalSection2_End",
}
USES = {symbol: use for use, symbols in _USES.items() for symbol in symbols.split()}

_ASKS = {Use.TAKE, Use.SHARE, Use.TRY, Use.BEGIN, Use.BEGIN_SLOW}
_BY_OBJECT = ("PyCriticalSection_Begin", "PyCriticalSection2_Begin")
_TWO_SIDED = {symbol.name for symbol in SYMBOLS if symbol.phases == BOTH}
_DETACH, _ATTACH = ("PyEval_SaveThread",), ("PyEval_RestoreThread", "PyEval_AcquireThread")


@frozen
class Visit:
    """A visit that asks for something: `lock` identifies what, `obj` is the argument of the call."""

    thread: int
    site: str
    visit: int
    obj: int

    @property
    def symbol(self) -> str:
        """What is called."""
        return symbol_of(self.site)

    @property
    def lock(self) -> int:
        """The address of the lock itself."""
        return self.obj + OB_MUTEX if self.symbol in _BY_OBJECT else self.obj


@frozen
class Held:
    """A lock that `by.thread` has since this visit; not `sure`: as far as could be seen."""

    by: Visit
    sure: bool


class Holders:
    """The locks of one round. Feed it with all the steps, then ask."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._open: defaultdict[int, list[Visit]] = defaultdict(list)
        self._held: list[Held] = []  # in the order in which they were taken
        self._lent: list[Held] = []
        self._sections: defaultdict[int, list[Visit]] = defaultdict(list)
        self._signals: set[int] = set()  # semaphores that are posted first: nobody owns them
        self._expired: set[int] = set()
        self._detached: set[int] = set()
        self.ended: set[int] = set()
        for step in steps:
            self._follow(step)

    def wanted(self, wait: Wait) -> Visit:
        """What a thread really waits for: the lock whose call waits on a semaphore inside itself."""
        calls = [v for v in self._open[wait.thread] if v.site.partition(":")[0] != Kind.BLOCK.value]
        if calls and USES.get(calls[-1].symbol) in _ASKS:
            return calls[-1]
        return Visit(wait.thread, wait.site, wait.visit, wait.obj)

    def held(self, lock: int, waits: Iterable[Wait]) -> list[Held]:
        """Who holds a lock while these threads wait, the surest first; itself included."""
        found = [] if lock in self._signals else self._of(lock)
        for wait in waits:
            if self._is_attached(wait):
                sections = self._sections[wait.thread]
                found += [Held(begun, sure=True) for begun in sections if begun.lock == lock]
        return sorted(found, key=lambda held: (not held.sure, held.by.thread))

    def _is_attached(self, wait: Wait) -> bool:
        """Whether the thread waits with its thread state attached.

        What the interpreter waits for it waits for detached; only `PyThread_acquire_lock` leaves
        that to its caller, as libc does.
        """
        own = not wait.site.startswith(f"{Kind.BLOCK.value}:python:")
        asks = self.wanted(wait).symbol.startswith("PyThread_acquire_lock")
        return (own or asks) and wait.thread not in self._detached

    def _follow(self, step: Step) -> None:
        if step.why is Why.EXPIRED:
            self._expired.add(step.to)
        elif step.why is Why.ENDED:
            self.ended.add(step.thread)
        elif step.why in (Why.VISIT, Why.YIELD) and step.site and not _is_inner(step.site):
            visit = Visit(step.thread, step.site, step.visit, step.obj)
            if visit.symbol in _TWO_SIDED:
                if step.phase is Phase.BEFORE:
                    self._open[step.thread].append(visit)
                    self._arrive(visit)
                else:
                    self._close(visit)
                    self._pass(visit)

    def _close(self, visit: Visit) -> None:
        """Forget the visit, and what was open inside it."""
        inside = self._open[visit.thread]
        for place in range(len(inside) - 1, -1, -1):
            if (inside[place].site, inside[place].visit) == (visit.site, visit.visit):
                del inside[place:]
                return

    def _arrive(self, visit: Visit) -> None:
        self._expired.discard(visit.thread)
        match USES.get(visit.symbol):
            case Use.GIVE:
                self._give(visit)
            case Use.END if self._sections[visit.thread]:
                self._sections[visit.thread].pop()
            case Use.WAIT:
                self._lend(visit)
            case _:
                pass

    def _pass(self, visit: Visit) -> None:
        held = Held(visit, sure=visit.symbol.startswith("pthread_"))
        thread, others = visit.thread, self._of(visit.lock)
        match USES.get(visit.symbol):
            case Use.TAKE | Use.BEGIN_SLOW:
                if not held.sure:  # it was given back without a call
                    self._forget(others)
                self._held.append(held)
            case Use.SHARE:
                self._held.append(held)
            case Use.TRY if not others and thread not in self._expired:
                self._held.append(held)
            case Use.BEGIN:
                self._sections[thread].append(visit)
            case Use.WAIT:
                back = [each for each in self._lent if each.by.thread == thread]
                self._lent = [each for each in self._lent if each not in back]
                self._held += back
            case _:
                pass
        if visit.symbol in _DETACH:
            self._detached.add(thread)
        elif visit.symbol in _ATTACH:
            self._detached.discard(thread)

    def _give(self, visit: Visit) -> None:
        holders = self._of(visit.lock)
        own = [held for held in holders if held.by.thread == visit.thread]
        if visit.symbol == "sem_post" and not holders:
            self._signals.add(visit.lock)
        # Of a recursive lock the last one; else also what another thread took for this one.
        self._forget(own[-1:] or holders)

    def _lend(self, visit: Visit) -> None:
        """The call's lock is not known, only its condition: it is the one that was taken last."""
        taken = [
            held
            for held in self._held
            if held.by.thread == visit.thread and held.by.symbol.startswith("pthread_mutex")
        ]
        self._lent += taken[-1:]
        self._forget(taken[-1:])

    def _of(self, lock: int) -> list[Held]:
        return [held for held in self._held if held.by.lock == lock]

    def _forget(self, gone: list[Held]) -> None:
        self._held = [held for held in self._held if held not in gone]


def _is_inner(site: str) -> bool:
    """Whether the interpreter calls itself there: a step of a call that is told of already."""
    return site.startswith(f"{Kind.REDIRECT.value}:")


def symbol_of(site: str) -> str:
    """What is called at a site, from its key."""
    return site.split(":", 2)[-1].partition("+0x")[0]
