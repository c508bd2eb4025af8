"""Stores that others see later: store buffers as part of a model's state.

TSO (x86): each thread's stores leave its buffer in their order. PSO: in order for each variable only,
which is what weaker machines do to stores. A thread sees its own stores at once. The buffers empty
one store at a time, when the scheduler says so: each is a service of its own. After Owens, Sarkar and
Sewell, "A Better x86 Memory Model: x86-TSO", TPHOLs 2009; PSO as in the SPARC manual.
"""

from collections.abc import Mapping
from enum import Enum

from stressor.mechanisms.base import Mechanism, Step, Steps

type Store = tuple[str, int]
type Lane = tuple[str, str]  # a thread, and the variable with PSO


class Order(Enum):
    """How stores may leave a thread's buffer."""

    TSO = "total store order"
    PSO = "partial store order"


class Buffered(Mechanism):
    """A mechanism whose threads share `memory` through store buffers.

    `setup` calls `share` with the variables and the threads' names. `order` decides how buffers
    empty. Atomic operations are steps that wait for `drained`, as a locked instruction does.
    """

    order = Order.TSO

    __slots__ = ()

    def share(self, memory: dict[str, int], stores: Mapping[str, tuple[str, ...]]) -> None:
        """Make the memory, by name of variable, and empty buffers for what each thread stores."""
        self.memory = memory
        self.buffers: dict[Lane, tuple[Store, ...]] = {
            (thread, lane): ()
            for thread, variables in stores.items()
            for lane in (("",) if self.order is Order.TSO else variables)
        }

    def store(self, thread: str, variable: str, value: int) -> None:
        """A plain store: seen by `thread` now, by others when it is flushed."""
        lane = (thread, "" if self.order is Order.TSO else variable)
        self.buffers[lane] += ((variable, value),)

    def load(self, thread: str, variable: str) -> int:
        """A plain load: the thread's own latest store that is still on its way, else memory."""
        lane = (thread, "" if self.order is Order.TSO else variable)
        for name, value in reversed(self.buffers.get(lane, ())):
            if name == variable:
                return value
        return self.memory[variable]

    def drained(self, thread: str, *variables: str) -> bool:
        """Whether none of the thread's stores (to these variables) is still on its way."""
        for (owner, _), buffer in self.buffers.items():
            if (
                buffer
                and owner == thread
                and (not variables or any(name in variables for name, _ in buffer))
            ):
                return False
        return True

    def services(self) -> dict[str, Steps]:
        """One flusher for each buffer: of a thread, or of a thread's variable."""
        return {
            f"{variable or 'stores'} of {thread}": self.flusher((thread, variable))
            for thread, variable in self.buffers
        }

    def flusher(self, lane: Lane) -> Steps:
        """Lets the oldest store of a buffer reach memory, again and again."""
        while True:
            yield Step("flush", until=lambda: self.buffers[lane])
            name, value = self.buffers[lane][0]
            self.memory[name] = value
            self.buffers[lane] = self.buffers[lane][1:]
