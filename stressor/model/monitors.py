"""The monitors: what an extension must not do with the C API, and why no legal program ever does.

A monitor is a name that `--monitor` takes; it watches a few laws. A law is one that CPython's own code
relies on, and that is judged from words that only the visiting thread changes, or from one atomic load:
so no interleaving of legal calls breaks it, and what is found is a fault of the target. The shim
looks (`native/src/monitors.c`); what the laws mean to people is said here. `borrowed` is the ledger of
borrowed references, which a plan switches on by itself (`Plan.ledger`): it has no such laws.
"""

from enum import Enum

from attrs import frozen


class Monitor(Enum):
    """What can be switched on. The order of all but the last is that of the shim's bits."""

    SECTIONS = "sections"
    DETACHED = "detached"
    THREAD_STATE = "thread-state"
    COUNTS = "counts"
    BORROWED = "borrowed"


WATCHES = {
    Monitor.SECTIONS: "critical sections are ended innermost first, once, where they were begun",
    Monitor.DETACHED: "what needs an attached thread state is called with one",
    Monitor.THREAD_STATE: "a thread state is used by one thread",
    Monitor.COUNTS: "reference counts are such as legal counting can reach",
    Monitor.BORROWED: "no borrowed reference is used after its owner dropped it",
}
"""What each makes sure of, for help and documentation."""

NAMES = tuple(each.value for each in Monitor)
LAW_NAMES = tuple(each.value for each in Monitor if each is not Monitor.BORROWED)
"""Names that `Plan.monitors` may have."""


@frozen
class Law:
    """What must hold. `broken` says what was done, `allowed` what may be done, `source` who says so.

    `exact` is why nothing else can look like a breach. `words` name what was seen, in the record's
    order.
    """

    name: str
    monitor: Monitor
    broken: str
    allowed: str
    source: str
    exact: str
    words: tuple[str, ...] = ()


_CHAIN = "the chain of open sections is the thread's own: no other thread changes it"
_CURRENT = "the current thread state is in a variable of the calling thread"
_PARTS = ("owner", "local count", "shared count")
_STATES = ("current thread state", "thread it is bound to", "calling thread")
_SECTION_SOURCE = "Python/critical_section.c, Include/internal/pycore_critical_section.h"
_COUNT_SOURCE = "Objects/object.c (_Py_DecRefSharedIsDead, _Py_MergeZeroLocalRefcount), PEP 703"

LAWS = (
    Law(
        "innermost",
        Monitor.SECTIONS,
        "ended a critical section while another one was open inside it",
        "The section that is ended is the innermost open one of its thread: the end takes the first "
        "one off the thread's chain, whichever it is given.",
        _SECTION_SOURCE,
        _CHAIN,
        ("innermost section",),
    ),
    Law(
        "open",
        Monitor.SECTIONS,
        "ended a critical section that is not open in this thread",
        "A section is ended once, by the thread that began it.",
        _SECTION_SOURCE,
        _CHAIN,
        ("innermost section",),
    ),
    Law(
        "once",
        Monitor.SECTIONS,
        "began a critical section in a struct that is open already",
        "A PyCriticalSection struct is begun again after its end only: its links are part of the chain "
        "of open sections, which becomes a ring.",
        _SECTION_SOURCE,
        _CHAIN,
        ("innermost section",),
    ),
    Law(
        "closed",
        Monitor.SECTIONS,
        "returned with a critical section open that was not open when it was called",
        "A function ends the sections that it begins: their structs are on its stack, and their locks "
        "stay taken.",
        _SECTION_SOURCE,
        "the innermost sections before and after the operation are compared, in one thread state",
        ("innermost section", "innermost section at its start"),
    ),
    Law(
        "section-attached",
        Monitor.SECTIONS,
        "touched a critical section without an attached thread state",
        "A critical section is begun and ended by a thread that is attached: its chain is a field of "
        "the thread state.",
        _SECTION_SOURCE,
        _CURRENT,
    ),
    Law(
        "attached",
        Monitor.DETACHED,
        "called the C API without an attached thread state",
        "A thread that let go of its thread state (Py_BEGIN_ALLOW_THREADS, PyEval_SaveThread) or never "
        "had one calls only what is documented to need none: a collection does not wait for it.",
        "C API reference, Thread State; Python/pystate.c (_PyThreadState_Attach)",
        _CURRENT,
    ),
    Law(
        "kept",
        Monitor.DETACHED,
        "called the C API with a thread state that another thread detached",
        "Only the thread whose state is current detaches it.",
        "Python/pystate.c (detach_thread)",
        "an attached state leaves that by a step of its own thread, which is not current then",
        ("current thread state",),
    ),
    Law(
        "free",
        Monitor.THREAD_STATE,
        "attached a thread state that is attached in another thread at this moment",
        "A thread state is attached in one thread at a time: attaching waits for a stop of the world to "
        "end, and for nobody who uses it.",
        "Python/pystate.c (_PyThreadState_Attach, tstate_wait_attach)",
        "it is attached, and it is not the current one of the calling thread; one atomic load",
        _STATES,
    ),
    Law(
        "bound",
        Monitor.THREAD_STATE,
        "uses a thread state that was made by another thread, which is still alive",
        "A thread state is used by the thread that PyThreadState_New was called in: its memory heaps "
        "and its queue of objects to merge are that thread's.",
        "Python/pystate.c (bind_tstate: mimalloc and biased reference counting), PEP 703",
        "the number of the thread is written once, before the state is used; that thread is one of the "
        "trial's and has not ended",
        _STATES,
    ),
    Law(
        "not-negative",
        Monitor.COUNTS,
        "used an object whose merged reference count is negative",
        "A merged count is the number of references that there are.",
        _COUNT_SOURCE,
        "flags and count are one word, read by one atomic load",
        _PARTS,
    ),
    Law(
        "owned-not-negative",
        Monitor.COUNTS,
        "used an object of its own whose reference counts add up to less than nothing",
        "The shared part of a count may be negative, and never by more than the owner's part.",
        _COUNT_SOURCE,
        "the owner reads its own part, which nobody else changes, and then the shared part once",
        _PARTS,
    ),
    Law(
        "owner",
        Monitor.COUNTS,
        "used an object whose count is merged, and which still has an owner",
        "The owner is taken out before the parts of a count are merged.",
        _COUNT_SOURCE,
        "the owner is the calling thread: nobody else merges the counts of what it owns",
        _PARTS,
    ),
    Law(
        "held",
        Monitor.COUNTS,
        "dropped a reference to an object whose count is nothing already",
        "A reference is dropped by who holds it: then the count is one at least.",
        _COUNT_SOURCE,
        "flags and count are one word; a merged count of nothing never grows again in legal code "
        "but by the interpreter's own resurrection, which sets the owner first",
        _PARTS,
    ),
)
"""In the order of the shim's enum."""

BY_LAW = {law.name: law for law in LAWS}
