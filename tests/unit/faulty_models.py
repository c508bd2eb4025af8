"""Models for tests: a small right one, and one for each way to break the rules of models."""

from collections.abc import Iterable
from itertools import count
from typing import ClassVar

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, liveness, safety


class Counter(Mechanism):
    """Threads add to a number; with the defect they load and store."""

    name = "counter"
    title = "A counter"
    status = Status.MODEL
    sources = ("this test",)
    sizes: ClassVar = {"threads": 2, "rounds": 1}
    defects: ClassVar = {
        "racy": "Load and store.",
        "sleeps": "The second thread waits for what never comes.",
    }

    def setup(self) -> None:
        self.number = 0
        self.added = 0

    def threads(self) -> dict[str, Steps]:
        return {f"T{n}": self.adder(n) for n in range(1, self.numbers["threads"] + 1)}

    def adder(self, number: int) -> Steps:
        for _ in range(self.numbers["rounds"]):
            yield "begin"
            if self.has("racy"):
                yield "load"
                seen = self.number
                yield "store"
                self.number = seen + 1
            else:
                yield "add"
                self.number += 1
            self.added += 1
        if self.has("sleeps") and number == 2:
            yield Step("sleep", until=lambda: self.number < 0)

    @safety("I1", "the number is no larger than what was added")
    def not_more(self) -> bool:
        return self.number <= self.added

    @liveness("L2", "at rest the number is what was added")
    def all_added(self) -> bool:
        return self.number == self.added


class Faulty(Counter):
    name = "faulty"
    sizes: ClassVar = {}
    defects: ClassVar = {}

    def threads(self) -> dict[str, Steps]:
        return {"T1": self.faulty(), "T2": self.adder(2)}

    def adder(self, number: int) -> Steps:
        yield "add"

    def faulty(self) -> Steps:
        raise NotImplementedError


class YieldsWhileSuspended(Faulty):
    def faulty(self) -> Steps:
        yield "one"
        with self.suspended("I1"):
            self.number += 1
            yield "two"


class NeverEnds(Faulty):
    def faulty(self) -> Steps:
        while True:
            yield "spin"


class Raises(Faulty):
    def faulty(self) -> Steps:
        yield "divide"
        self.number = 1 // self.number


class UnknownDefect(Faulty):
    def faulty(self) -> Steps:
        yield "ask"
        self.has("nothing")


class StartsBroken(Faulty):
    def setup(self) -> None:
        self.number, self.added = 1, 0

    def faulty(self) -> Steps:
        yield "nothing"


class TouchesBeforeYield(Faulty):
    def faulty(self) -> Steps:
        self.added = 5
        yield "late"


class NewField(Faulty):
    def faulty(self) -> Steps:
        yield "make"
        self.late = 1


class KeepsList(Faulty):
    def faulty(self) -> Steps:
        kept = [1]
        yield "one"
        yield "two"
        self.number = len(kept) - 1


class LoopsOverGenerator(Faulty):
    def faulty(self) -> Steps:
        numbers: Iterable[int] = (n for n in (1, 2))
        for _ in numbers:
            yield "one"


class NestedList(Faulty):
    def setup(self) -> None:
        super().setup()
        self.table: list[list[int]] = [[]]

    def faulty(self) -> Steps:
        yield "one"


CALLS = count()


class Nondeterministic(Faulty):
    def faulty(self) -> Steps:
        yield "one"
        self.added = next(CALLS)
