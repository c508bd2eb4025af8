"""The list of probes, as data: importing one needs the shim, which only a child has.

A new probe is a file here, one in `native/probes`, and a line in this list; `tests/power/test_probes.py`
holds every line to what it says.
"""

from attrs import frozen

from stressor.errors import UsageError
from stressor.mechanisms.registry import unknown

MODULES = ("*/_probes.*",)
"""What is instrumented: the probes' C side."""


@frozen
class Listed:
    """One probe: the mechanism's name, the file and class here, and its deliberately broken twins.

    `runtime` are globs over the interpreter's own functions that shall be sites meanwhile. Each twin is
    seen within `trials`, but for a chance below 1e-4.
    """

    mechanism: str
    file: str
    probe: str
    twins: tuple[str, ...]
    threads: int = 3
    runtime: tuple[str, ...] = ()
    trials: int = 150

    @property
    def target(self) -> str:
        """The probe as a target."""
        return f"stressor.probes.{self.file}:{self.probe}"

    def twin(self, name: str) -> str:
        """A twin as a target. Raises `UsageError` with the nearest names."""
        if name not in self.twins:
            raise UsageError(unknown(f"twin of {self.mechanism}", name, self.twins))
        return f"stressor.probes.{self.file}:{name}"


PROBES: tuple[Listed, ...] = (
    Listed(
        "cc-dict",
        "dict",
        "DictProbe",
        twins=("RemembersValue", "SetsInTwoSteps"),
        runtime=("_Py_dict_lookup_threadsafe",),
    ),
    Listed(
        "cc-list",
        "list",
        "ListProbe",
        twins=("DeletesInTwoSteps", "RemembersItems"),
        runtime=("list_item_impl", "_PyMem_FreeDelayed"),
    ),
    Listed(
        "cc-type",
        "type",
        "TypeProbe",
        twins=("VersionAfterWalk",),
        runtime=("_PySeqLock_*", "assign_version_tag"),
    ),
    Listed(
        "cc-weakref",
        "weakref",
        "WeakrefProbe",
        twins=("Borrowed",),
        runtime=("_Py_MergeZeroLocalRefcount", "_Py_DecRefShared", "PyMutex_*"),
    ),
    Listed("gc-ft", "collected", "CollectedProbe", twins=("Believes",)),
    Listed(
        "lk-cs1",
        "sections",
        "OneSectionProbe",
        twins=("OuterStaysSuspended",),
        runtime=("_PyCriticalSection*",),
    ),
    Listed(
        "lk-cs2",
        "sections",
        "TwoSectionsProbe",
        twins=("OneInTheOther",),
        runtime=("_PyCriticalSection*", "_PyThreadState_Attach"),
    ),
    Listed(
        "lk-cssusp",
        "sections",
        "SuspensionProbe",
        twins=("KeepsWhileBlocked",),
        runtime=("_PyCriticalSection*", "_PyThreadState_Attach", "_PyThreadState_Suspend"),
    ),
    Listed(
        "lk-event",
        "event",
        "EventProbe",
        twins=("LooksAgain", "TimeOutIsTrue"),
        runtime=("_PyParkingLot_*",),
    ),
    Listed("lk-once", "once", "OnceProbe", twins=("WithoutSwap",), runtime=("_PyParkingLot_*",)),
    Listed(
        "lk-park",
        "park",
        "ParkProbe",
        twins=("WakesEarly", "WakesBucket"),
        runtime=("_PyParkingLot_*", "_PyRawMutex_*"),
    ),
    Listed("lk-pymutex", "pymutex", "PyMutexProbe", twins=("WithoutCas",)),
    Listed("lk-raw", "park", "RawProbe", twins=("WithoutBucket",), runtime=("_PyRawMutex_*",)),
    Listed("mm-freedelay", "freedelayed", "FreeDelayedProbe", twins=("FreesAtOnce",)),
    Listed(
        "mm-qsbr",
        "qsbr",
        "QsbrProbe",
        twins=("OfflineInLookup", "ReportsInLookup"),
        runtime=("_Py_qsbr_*", "free_delayed", "process_queue"),
        trials=500,
    ),
    Listed("rc-borrow", "borrowed", "BorrowedProbe", twins=("Borrows",), threads=4),
    Listed("rc-brc", "biased", "BiasedProbe", twins=("ByLoadAndStore", "LocalOnly")),
    Listed("rc-defer", "deferred", "DeferredProbe", twins=("Queues",)),
    Listed("rc-immortal", "immortal", "ImmortalProbe", twins=("WorldNotStopped",)),
    Listed("rc-mergeq", "mergequeue", "MergeQueueProbe", twins=("NeverQueues", "MergesItself")),
    Listed("rc-tryinc", "tried", "TriedProbe", twins=("Unchecked",)),
    Listed("sd-fork", "forkstate", "ForkProbe", twins=("ChangedInTwoSteps",)),
    Listed("sd-handles", "forking", "ForkingProbe", twins=("UnmarkedHandle",)),
    Listed("sd-joinnew", "joining", "JoiningProbe", twins=("StartsUnclaimed",)),
    Listed("sd-start", "starting", "StartingProbe", twins=("RunsDetached",)),
    Listed("sd-stw", "stopping", "StoppingProbe", twins=("GoesOnDetached",)),
    Listed("sd-wait", "waiting", "WaitingProbe", twins=("LooksOnce",)),
    Listed("ts-breaker", "breaker", "BreakerProbe", twins=("SetByStore",), threads=4, trials=500),
    Listed("ts-current", "current", "CurrentProbe", twins=("InOneGlobal",)),
    Listed("ts-pending", "pending", "PendingProbe", twins=("AddsWithoutBit",), threads=2),
    Listed(
        "ts-state",
        "threadstate",
        "ThreadStateProbe",
        twins=("AttachesByStore", "StopsWithoutWaiting"),
    ),
    Listed(
        "ts-stw", "stoptheworld", "StopTheWorldProbe", twins=("MadeDetached", "StopsWithoutWaiting")
    ),
)

BY_NAME = {each.mechanism: each for each in PROBES}


def probe(name: str) -> Listed:
    """The probe of a mechanism. Raises `UsageError` with the nearest names."""
    try:
        return BY_NAME[name.lower()]
    except KeyError:
        raise UsageError(unknown("probe", name, tuple(BY_NAME))) from None
