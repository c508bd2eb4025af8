"""GC-FINALIZER: finalizers that are called by a thread of their own, on a part of the object."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

FILE, GENERATOR = "file", "generator"
USER, COLLECTOR, FINALIZER, HOLDER = "user", "collector", "finalizer", "holder"
NOBODY = ""


class FinalizerThread(Mechanism):
    """An object keeps what its finalizer needs in a core, to which it passes attribute access on.

    The finalizer thread is given a reference to the core when the object is made. Whoever deletes the
    object, be it the thread that dropped the last reference or the collector, runs none of its code:
    it leaves a notice. The finalizer thread takes the notice, enters the core's monitor, since others
    may have the core too, calls `__finalize__` once and drops its reference. The object itself cannot
    be revived, for the core has no way to it. At shutdown all notices that are left are served.

    Simplified: a file whose last reference its user drops, and a generator that the collector finds
    in a cycle; its clean-up was the open question in the design and is here an ordinary finalizer.
    """

    name = "gc-finalizer"
    title = "Finalizer thread with core object"
    status = Status.MODEL
    sources = ("A. Olsen, python-safethread project status, Python-3000 list (2008)",)
    stuck = ("L2", "every thread comes to its end")
    defects = {
        "core-refers-back": "The core keeps a reference to the object.",
        "synchronous-call": "Who drops the last reference calls the finalizer.",
        "notified-twice": "The collector leaves a notice for what is being deleted already.",
        "notices-dropped": "At shutdown the finalizer thread leaves notices unserved.",
        "core-without-monitor": "The finalizer is called outside the core's monitor.",
        "notified-early": "The notice is left before the object is deleted.",
        "generator-unserved": "A generator gets no notice, so that its clean-up is never run.",
    }

    def setup(self) -> None:
        """Cores have two fields, which are equal whenever nobody is in the monitor."""
        self.count = {FILE: 1, GENERATOR: 1}  # references to the object; the generator's is a cycle
        self.deleted: set[str] = set()
        self.registered: set[str] = set()  # cores that the finalizer thread has a reference to
        self.notices: list[str] = []
        self.monitor = {FILE: NOBODY, GENERATOR: NOBODY}
        self.fields = {FILE: (0, 0), GENERATOR: (0, 0)}
        self.called: list[str] = []
        self.caller = NOBODY  # who is in __finalize__
        self.busy = {USER, COLLECTOR, HOLDER}

    def threads(self) -> dict[str, Steps]:
        """The holder is one who has the file's core as well."""
        return {
            USER: self.user(),
            HOLDER: self.holder(),
            COLLECTOR: self.collector(),
            FINALIZER: self.finalizer(),
        }

    def user(self) -> Steps:
        """Makes a file, writes to it, and drops it."""
        yield "build the core, register it"
        self.registered.add(FILE)
        self.count[FILE] += self.has("core-refers-back")
        yield from self.write(USER)
        yield "DECREF"
        self.count[FILE] -= 1
        if self.count[FILE] == 0:
            yield from self.delete(USER, FILE)
        self.busy.remove(USER)

    def holder(self) -> Steps:
        """Writes to the core."""
        yield from self.write(HOLDER)
        self.busy.remove(HOLDER)

    def collector(self) -> Steps:
        """Finds the generator in a cycle, and a file that is no longer referenced."""
        yield "build the core, register it"
        self.registered.add(GENERATOR)
        yield "trace"
        self.count[GENERATOR] = 0
        yield from self.delete(COLLECTOR, GENERATOR)
        yield "sweep"
        if self.has("notified-twice") and self.count[FILE] == 0:
            yield "notify"
            self.notices.append(FILE)
        self.busy.remove(COLLECTOR)

    def delete(self, me: str, which: str) -> Steps:
        """Delete the object, and leave a notice."""
        if self.has("synchronous-call"):
            yield "delete"
            self.deleted.add(which)
            yield from self.call(me, which)
            return
        notifies = not (which == GENERATOR and self.has("generator-unserved"))
        if self.has("notified-early"):
            yield "notify"
            self.notices.append(which)
        yield "delete"
        self.deleted.add(which)
        if notifies and not self.has("notified-early"):
            yield "notify"
            self.notices.append(which)

    def write(self, me: str) -> Steps:
        """Change both fields of the file's core."""
        yield Step("enter the monitor", until=lambda: self.monitor[FILE] == NOBODY)
        self.monitor[FILE] = me
        first, second = self.fields[FILE]
        yield "store the first field"
        self.fields[FILE] = (first + 1, second)
        yield "store the second field, leave the monitor"
        self.fields[FILE] = (first + 1, second + 1)
        self.monitor[FILE] = NOBODY

    def finalizer(self) -> Steps:
        """Serves notices, until there can be none."""
        while True:
            yield Step("wait for a notice", until=lambda: self.notices or not self.busy)
            if not self.notices or (self.has("notices-dropped") and not self.busy):
                return
            yield from self.call(FINALIZER, self.notices.pop(0))

    def call(self, me: str, which: str) -> Steps:
        """core.__finalize__(), by its monitor."""
        monitored = not self.has("core-without-monitor")
        if monitored:
            yield Step("enter the monitor", until=lambda: self.monitor[which] == NOBODY)
            self.monitor[which] = me
        yield "__finalize__: load both fields"
        self.caller = me
        first, second = self.fields[which]
        self.require(first == second, "I4", "the finalizer is alone with the core")
        self.called.append(which)
        yield "leave the monitor, drop the core"
        self.caller = NOBODY
        if monitored:
            self.monitor[which] = NOBODY
        self.registered.discard(which)

    @safety("I1", "a finalizer is called for what has been deleted")
    def object_is_gone(self) -> bool:
        return set(self.called) <= self.deleted

    @safety("I2", "a finalizer is called once")
    def called_once(self) -> bool:
        return len(self.called) == len(set(self.called))

    @safety("I3", "finalizers run on their own thread only")
    def caller_is_right(self) -> bool:
        return self.caller in (NOBODY, FINALIZER)

    @liveness("L1", "every object is deleted and finalized in the end")
    def all_is_finalized(self) -> bool:
        return set(self.called) == self.deleted == {FILE, GENERATOR} and not self.registered
