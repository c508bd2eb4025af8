"""IN-XID: the registry of classes whose objects can be sent to another interpreter."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

NOBODY, END = "", -1
CLASS, OTHER = "class", "another class at its address"
HOME, ABROAD = "home", "abroad"


class CrossInterpreterRegistry(Mechanism):
    """A registry says for a class how its objects become data that another interpreter can take.

    Static types are in one registry of the runtime, heap types in one of their interpreter, since an
    entry has a weak reference to the class. To register is to find the entry and count it up, or to
    add one. The walk turns every entry's weak reference into a strong one for the time of the
    comparison, and unlinks the entries of classes that have died. A lock is held for the walk.

    Simplified: one registry of an interpreter, one class that two threads register and look up while
    a third drops it; afterwards a new class gets its address. The lock is taken to be right. 3.13
    locks the runtime's registry only and trusts the GIL for the others, in 3.13t as well (the defect
    "no-lock-for-heap-types").
    """

    name = "in-xid"
    title = "Registry for cross-interpreter data"
    status = Status.CURRENT
    sources = ("Python/crossinterp_data_lookup.h",)
    sizes = {"users": 2}
    stuck = ("L1", "the lock is given back")
    defects = {
        "one-registry": "Heap types of all interpreters are in the runtime's registry.",
        "adds-without-find": "Registering adds an entry without looking for one.",
        "borrowed-class": "The walk compares addresses and takes no reference to the class.",
        "reads-next-of-freed": "The walk goes on from an entry that it has just unlinked.",
        "callback-under-lock": "The class's function is called before the lock is released.",
        "no-lock-for-heap-types": "The registry of an interpreter is used without a lock.",
    }

    def setup(self) -> None:
        """Entry 0 is of a class that has died; entries are linked by number."""
        self.head = 0
        self.next = {0: END}
        self.registered = {0: "dead"}  # the entry's class: it names the object, not the address
        self.freed: set[int] = set()
        self.lock = NOBODY
        self.at_address = CLASS  # which class is at the address that users ask for
        self.counts = {CLASS: 1 + self.numbers["users"], OTHER: 1}
        self.touched_by: set[str] = set()  # interpreters whose threads counted the class

    def threads(self) -> dict[str, Steps]:
        """Users of the class, its owner, and a thread of another interpreter."""
        users = [f"user{number}" for number in range(1, self.numbers["users"] + 1)]
        return {name: self.user(name) for name in users} | {
            "owner": self.owner(),
            ABROAD: self.stranger(),
        }

    def user(self, me: str) -> Steps:
        """Registers the class, and drops it."""
        yield from self.acquire(me)
        found = END if self.has("adds-without-find") else (yield from self.find(HOME))
        if found == END:
            yield from self.add()
        if self.has("callback-under-lock"):
            yield Step("getdata: registers its own class", lambda: self.lock == NOBODY)
        yield "_xidregistry_unlock"
        self.release(me)
        yield "Py_DECREF(class)"
        self.drop(CLASS)

    def owner(self) -> Steps:
        """Drops the class; a new one gets its address and is looked up."""
        yield "Py_DECREF(class)"
        self.drop(CLASS)
        yield Step("the class is dead; another is made", lambda: not self.counts[CLASS])
        self.at_address = OTHER
        yield from self.acquire("owner")
        found = yield from self.find(HOME)
        self.require(
            found == END or self.registered[found] == OTHER, "I2", "an entry is of its own class"
        )
        yield "_xidregistry_unlock"
        self.release("owner")

    def stranger(self) -> Steps:
        """Another interpreter looks a class of its own up, in its own registry."""
        yield from self.acquire(ABROAD)
        if self.has("one-registry"):
            yield from self.find(ABROAD)
        yield "_xidregistry_unlock"
        self.release(ABROAD)

    def acquire(self, me: str) -> Steps:
        """_xidregistry_lock."""
        if self.has("no-lock-for-heap-types"):
            return
        yield Step("_xidregistry_lock", lambda: self.lock == NOBODY)
        self.lock = me

    def release(self, me: str) -> None:
        """_xidregistry_unlock."""
        if self.lock == me:
            self.lock = NOBODY

    def find(self, interpreter: str) -> Steps[int]:
        """_xidregistry_find_type; the entry's number, or END."""
        yield "_xidregistry_find_type: load head"
        entry = self.head
        while entry != END:
            yield "_PyWeakref_GET_REF"
            self.touch(entry)
            registered = self.registered[entry]
            if self.has("borrowed-class"):
                same = registered in (CLASS, OTHER)  # both are at the address in question
                alive = True
            else:
                alive = self.counts.get(registered, 0) > 0
                same = alive and registered == self.at_address
                if alive:
                    self.touched_by.add(interpreter)
            yield "_xidregistry_find_type: load next"
            following = self.follow(entry)
            if not alive:
                yield "_xidregistry_remove_entry"
                self.remove(entry)
                if self.has("reads-next-of-freed"):
                    yield "_xidregistry_find_type: load next"
                    following = self.follow(entry)
            if same:
                return entry
            entry = following
        return END

    def add(self) -> Steps:
        """_xidregistry_add_type."""
        yield "_xidregistry_add_type: load head"
        head, entry = self.head, len(self.registered)
        yield "_xidregistry_add_type: store head"
        entry = len(self.registered)
        self.registered[entry] = self.at_address
        self.next[entry] = head
        self.head = entry

    def follow(self, entry: int) -> int:
        """The entry after this one."""
        self.touch(entry)
        return self.next[entry]

    def remove(self, entry: int) -> None:
        """Unlink an entry and free it."""
        self.touch(entry)
        self.freed.add(entry)
        if self.head == entry:
            self.head = self.next[entry]
        for each, following in self.next.items():
            if following == entry:
                self.next[each] = self.next[entry]

    def touch(self, entry: int) -> None:
        """An entry's memory is used."""
        self.require(entry not in self.freed, "I4", "an entry that is freed is not touched")

    def drop(self, name: str) -> None:
        """A reference to the class is given back."""
        self.counts[name] -= 1

    @safety("I1", "no class has two entries")
    def no_duplicates(self) -> bool:
        classes = [name for n, name in self.registered.items() if n not in self.freed]
        return len(classes) == len(set(classes))

    @safety("I3", "a heap type is counted by threads of its own interpreter only")
    def stays_at_home(self) -> bool:
        return ABROAD not in self.touched_by
