"""IN-OWNGIL: a GIL per interpreter, and turning one on while threads run."""

from stressor.mechanisms.base import Mechanism, Status, Step, Steps, safety

MAIN, OWN = "main", "own"
NOBODY = ""
GILS = {"spinner": MAIN, "importer": MAIN, "third": MAIN, "isolated": OWN}
"""The thread states, and the GIL that each one's interpreter points to."""


class OwnGil(Mechanism):
    """Each interpreter points to a GIL: its own, or the main interpreter's.

    Who waits for a GIL longer than the interval asks its last holder to drop it. In a free-threaded
    build the GIL is off until an extension is imported that does not say it can do without. To be
    attached then means something else: the importer detaches, stops the world, counts `enabled` up,
    starts the world and attaches again. Who attaches takes the GIL if it is on, and looks once more
    when it is attached, since it may have been turned on between.

    Simplified: one import, after which the GIL is off again; the GIL's mutex and condition are taken
    to be right, and so is the forced switch, which is IN-DROPGIL; an interval passes when the scheduler
    says so.
    """

    name = "in-owngil"
    title = "GIL per interpreter, enabled at run time"
    status = Status.GIL_ONLY
    sources = ("PEP 684", "PEP 703", "Python/ceval_gil.c", "Python/pystate.c")
    sizes = {}
    stuck = ("L1", "who waits for a GIL gets it within bounded intervals")
    defects = {
        "drops-global": "A GIL of an interpreter's own is taken, and the runtime's is dropped.",
        "enables-without-pause": "The GIL is turned on while other threads are attached.",
        "attaches-without-second-look": "Who has attached does not look whether the GIL is on now.",
        "asks-stale-holder": "The request goes to who held the GIL when the waiting began.",
        "never-asks": "A waiter waits for the GIL and asks nobody to drop it.",
    }

    def setup(self) -> None:
        """Nobody is attached; the main GIL is off, the other interpreter's own is on."""
        self.enabled = {MAIN: 0, OWN: 1}
        self.holders: dict[str, frozenset[str]] = {MAIN: frozenset(), OWN: frozenset()}
        self.last_holder = {MAIN: NOBODY, OWN: NOBODY}
        self.attached: set[str] = set()
        self.stopping = NOBODY  # who stops the world
        self.asked: set[str] = set()  # their eval breaker has GIL_DROP_REQUEST
        self.waiting: set[str] = set()
        self.late: set[str] = set()
        self.flag = False

    def threads(self) -> dict[str, Steps]:
        """One spins until the import is done, one imports, one visits both interpreters."""
        return {
            "spinner": self.spinner(),
            "importer": self.importer(),
            "visitor": self.visitor(),
        }

    def services(self) -> dict[str, Steps]:
        """The switch interval."""
        return {"clock": self.clock()}

    def clock(self) -> Steps:
        """The interval passes for all who wait."""
        while True:
            yield Step("interval passes", lambda: not self.late.issuperset(self.waiting))
            self.late |= self.waiting

    def visitor(self) -> Steps:
        """Attaches in the interpreter with its own GIL, then in the main one."""
        yield from self.attach("isolated")
        yield from self.detach("isolated")
        yield from self.attach("third")
        yield from self.detach("third")

    def spinner(self) -> Steps:
        """Python code that loops until another thread sets the flag."""
        yield from self.attach("spinner")
        while True:
            yield Step("eval loop", lambda: self.flag or self.stopping or "spinner" in self.asked)
            if self.flag:
                break
            yield from self.detach("spinner")
            yield from self.attach("spinner")
        yield from self.detach("spinner")

    def importer(self) -> Steps:
        """Imports an extension that needs the GIL."""
        yield from self.attach("importer")
        if self.has("enables-without-pause"):
            yield "_PyEval_EnableGILTransient: store enabled"
            self.holders[MAIN] = frozenset({"importer"})
            self.enabled[MAIN] += 1
        else:
            yield from self.detach("importer")
            yield "_PyEval_StopTheWorldAll: request"
            self.stopping = "importer"
            yield Step("_PyEval_StopTheWorldAll: all detached", lambda: not self.attached)
            self.enabled[MAIN] += 1
            yield "_PyEval_StartTheWorldAll"
            self.stopping = NOBODY
            yield from self.attach("importer")
        yield "PyInit of the extension"
        self.flag = True
        yield "_PyEval_DisableGIL"
        self.enabled[MAIN] -= 1
        self.holders[MAIN] -= {"importer"}
        yield from self.detach("importer")

    def attach(self, me: str) -> Steps:
        """_PyThreadState_Attach."""
        while True:
            yield from self.take(me)
            yield Step("tstate_try_attach", lambda: not self.stopping)
            on = self.enabled[GILS[me]] and me not in self.holders[GILS[me]]
            if not on or self.has("attaches-without-second-look"):
                self.attached.add(me)
                return

    def detach(self, me: str) -> Steps:
        """_PyThreadState_Detach."""
        yield "tstate_set_detached"
        self.attached.discard(me)
        if me in self.holders[GILS[me]]:
            yield from self.drop(me)

    def take(self, me: str) -> Steps:
        """take_gil."""
        gil = GILS[me]
        yield "take_gil: load enabled"
        if not self.enabled[gil]:
            return
        self.waiting.add(me)
        first = self.last_holder[gil]
        while True:
            yield Step(
                "take_gil: COND_TIMED_WAIT(gil->cond)",
                lambda: not self.holders[gil] or (me in self.late and self.may_ask(gil, first)),
            )
            if not self.holders[gil]:
                break
            self.asked.add(self.holder(gil, first))
        self.waiting.discard(me)
        self.late.discard(me)
        if self.enabled[gil]:
            self.holders[gil] = frozenset({me})
            self.last_holder[gil] = me
            self.asked.discard(me)

    def holder(self, gil: str, first: str) -> str:
        """Whom a waiter asks."""
        return first if self.has("asks-stale-holder") and first else self.last_holder[gil]

    def may_ask(self, gil: str, first: str) -> bool:
        """Whether there is a request to make."""
        return not self.has("never-asks") and self.holder(gil, first) not in self.asked

    def drop(self, me: str) -> Steps:
        """drop_gil."""
        gil = MAIN if self.has("drops-global") else GILS[me]
        yield "drop_gil: locked = 0, signal"
        self.require(me in self.holders[gil], "I1", "who drops a GIL holds it")
        self.holders[gil] -= {me}
        if me in self.asked and self.last_holder[gil] == me:
            self.asked.discard(me)
            yield Step("drop_gil: COND_WAIT(switch_cond)", lambda: self.last_holder[gil] != me)

    @safety("I3", "who is attached while the GIL is on holds it")
    def attached_hold(self) -> bool:
        on = [each for each in self.attached if self.enabled[GILS[each]]]
        return all(each in self.holders[GILS[each]] for each in on)
