"""LK-LLIST: the doubly linked list whose nodes are fields of what they link."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety

NULL = NOBODY = ""
NEW, OLD = "new", "old"  # the heads of two lists


class LinkedList(Mechanism):
    """A list links nodes that belong to threads' records, waiters or queues, through their own fields.

    It has no protocol of its own: whoever uses it has the lock that guards it, for every look and
    change. Removing a node makes its two links null, which is how an owner sees whether its node is
    still in a list and has to be taken out. Concatenation moves all nodes and leaves the source
    empty; an iteration that removes has read the next node before.

    Simplified: two lists under one lock; each thread puts its node into the first and takes it out
    if it still is in a list, while a collector moves all nodes to the second and empties that.
    """

    name = "lk-llist"
    title = "Intrusive linked list"
    status = Status.CURRENT
    sources = ("Include/internal/pycore_llist.h",)
    sizes = {"threads": 2}
    stuck = ("L1", "every thread gets the list's lock")
    defects = {
        "keeps-links": "Removing a node leaves its own two links as they were.",
        "next-after-removal": "The iteration reads the next node from one that was removed.",
        "concat-keeps-source": "Concatenation leaves the source with its old links.",
        "inserts-unlocked": "A node is inserted without the lock.",
        "tests-unlocked": "The owner looks whether its node is linked before it has the lock.",
    }

    def setup(self) -> None:
        """Two empty lists, and nodes in none."""
        names = [f"T{number}" for number in range(1, self.numbers["threads"] + 1)]
        self.next = {NEW: NEW, OLD: OLD} | dict.fromkeys(names, NULL)
        self.prev = {NEW: NEW, OLD: OLD} | dict.fromkeys(names, NULL)
        self.lock = NOBODY
        self.gone: set[str] = set()  # threads that ended, and their nodes with them

    def threads(self) -> dict[str, Steps]:
        """Owners of nodes, and the collector."""
        nodes = [name for name in self.next if name not in (NEW, OLD)]
        return {name: self.owner(name) for name in nodes} | {"collector": self.collector()}

    def acquire(self, me: str) -> Steps:
        """The lock that guards the lists."""
        yield Step("lock", until=lambda: self.lock == NOBODY)
        self.lock = me

    def owner(self, me: str) -> Steps:
        """Puts its node in, and takes it out before it ends."""
        if not self.has("inserts-unlocked"):
            yield from self.acquire(me)
        yield from self.insert_tail(NEW, me)
        if not self.has("inserts-unlocked"):
            self.lock = NOBODY
        linked = True
        if self.has("tests-unlocked"):
            yield "node->next != NULL"
            linked = self.next[me] != NULL
        yield from self.acquire(me)
        if not self.has("tests-unlocked"):
            linked = self.next[me] != NULL
        if linked:
            yield from self.remove(me)
        self.lock = NOBODY
        self.gone.add(me)

    def collector(self) -> Steps:
        """Moves all nodes to its own list, and later removes them one by one."""
        yield from self.acquire("collector")
        yield from self.concat(OLD, NEW)
        self.lock = NOBODY
        yield from self.acquire("collector")
        node = self.next[OLD]
        while node != OLD:
            self.require(node != NULL, "I4", "an iteration does not leave its list")
            following = self.next[node]
            yield from self.remove(node)
            node = self.next[node] if self.has("next-after-removal") else following
        self.lock = NOBODY

    def insert_tail(self, head: str, node: str) -> Steps:
        """llist_insert_tail."""
        yield "llist_insert_tail: link node"
        last = self.prev[head]
        self.prev[node] = last
        self.next[node] = head
        yield "llist_insert_tail: link the last one and head"
        self.next[last] = node
        self.prev[head] = node

    def remove(self, node: str) -> Steps:
        """llist_remove."""
        yield "llist_remove: link the neighbours"
        before, after = self.prev[node], self.next[node]
        self.require(NULL not in (before, after), "I5", "a node is removed once")
        self.next[before] = after
        self.prev[after] = before
        yield "llist_remove: null"
        if not self.has("keeps-links"):
            self.prev[node] = self.next[node] = NULL

    def concat(self, target: str, source: str) -> Steps:
        """llist_concat."""
        yield "llist_concat: link the ends"
        if self.next[source] == source:
            return
        first, last, end = self.next[source], self.prev[source], self.prev[target]
        self.next[end] = first
        self.prev[first] = end
        self.prev[target] = last
        self.next[last] = target
        yield "llist_concat: llist_init(source)"
        if not self.has("concat-keeps-source"):
            self.next[source] = self.prev[source] = source

    def members(self, head: str) -> list[str]:
        """The nodes of a list from its head on; not further than there are nodes."""
        found: list[str] = []
        node = self.next[head]
        while node not in (head, NULL) and len(found) < len(self.next):
            found.append(node)
            node = self.next[node]
        return found

    @safety("I1", "while the lock is free, what is linked is linked both ways")
    def symmetric(self) -> bool:
        return self.lock != NOBODY or all(
            self.prev[after] == node and self.next[self.prev[node]] == node
            for node, after in self.next.items()
            if after != NULL and self.prev[node] != NULL
        )

    @safety("I2", "while the lock is free, a node is in one list if it has links, and else in none")
    def in_one_list(self) -> bool:
        if self.lock != NOBODY:
            return True
        linked = [each for each in self.next if each not in (NEW, OLD) and self.next[each] != NULL]
        return sorted(linked) == sorted(self.members(NEW) + self.members(OLD))

    @safety("I3", "while the lock is free, no list has the node of a thread that ended")
    def no_dead_node(self) -> bool:
        return self.lock != NOBODY or self.gone.isdisjoint(self.members(NEW) + self.members(OLD))

    @liveness("I6", "at rest both lists are empty")
    def all_removed(self) -> bool:
        return self.next[NEW] == NEW and self.next[OLD] == OLD
