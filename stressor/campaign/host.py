"""The parent's handle of one fork server: carries plans out and always comes back with evidence.

Whatever a child does to itself, to its siblings or to its server ends in evidence or, when the
server cannot be kept alive, in a clear error. The plan is on disk before the child starts. When a
child is given up is `supervise`'s decision, what its remains say is `evidence`'s.
"""

import os
import secrets
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import evolve

from stressor.campaign.account import read_account, read_texts
from stressor.campaign.evidence import Remains, gather
from stressor.campaign.forkserver import ForkServer, Order
from stressor.campaign.hello import Hello
from stressor.campaign.link import LinkLost
from stressor.campaign.watch import Watched, end_child, watch
from stressor.errors import NotTestedError, StressorError, UsageError
from stressor.model.codec import encode_compact
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.plan import Allocator, Call, Limits, Plan
from stressor.symbols.symbolizer import SYMBOLS

LOST_IN_A_ROW = 5
REHEARSALS = 10
"""A step without progress gets so many times what all steps took alone before it counts as a hang:
an operation, setup or check that computes or waits for long is none."""
TEXTS_SECONDS = 60.0
TEXTS_KEPT = 16  # programs: a failure that is followed up is carried out many times
SPACE = 64 << 20  # a full file system under a mapped record is a SIGBUS that is not the target's
PLAN, RECORD, RESULT, TEXTS = "plan.json", "record.bin", "result.json", "texts.json"

type Texts = tuple[tuple[str, ...], ...]
type Program = tuple[tuple[Call, ...], ...]


class HostError(NotTestedError):
    """The target's fork server cannot be kept alive, so that nothing can be tested."""


class Host:
    """Carries out plans of one target, with one choice of modules, allocator and redirected functions.

    The fork server is started when it is first needed, and again when it died. For one thread at a
    time, which need not always be the same.
    """

    def __init__(
        self,
        target: str,
        slot: Path,
        modules: tuple[str, ...] = (),
        allocator: Allocator = Allocator.DEFAULT,
        python: str = sys.executable,
        runtime: tuple[str, ...] = (),
    ) -> None:
        """`slot` is an empty folder of the host's own, which it fills and does not remove."""
        self._order = Order(target, modules, allocator, python, runtime)
        self.slot = slot
        self._server: ForkServer | None = None
        self._lost = 0  # fork servers in a row that died without carrying anything out
        self._laid_out: Plan | None = None  # the plan in the slot
        self._texts: dict[Program, Texts] = {}

    @property
    def hello(self) -> Hello:
        """What the target offers.

        Raises:
            UsageError: the harness is broken, or nothing has the names of `runtime`, and why.
            NotTestedError: this target or interpreter cannot be tested, and why.
        """
        return self._ready().hello

    def run(self, plan: Plan) -> Evidence:
        """Carry out a plan in a child of its own.

        Raises:
            UsageError: the plan does not fit the harness; or see `hello`.
            NotTestedError: see `hello`; or there is no space left for the record.
            HostError: the fork server died too often.
        """
        order = self._order
        if (plan.target, plan.modules, plan.allocator, plan.runtime) != (
            order.target,
            order.modules,
            order.allocator,
            order.runtime,
        ):
            raise ValueError(f"this host is for {order}, not for {plan.target}")
        self._check_operations(plan)
        nonce = secrets.token_hex(8)
        self._lay_out(plan)
        began = time.monotonic()
        watched = self._carry_out(plan, nonce)
        seconds = time.monotonic() - began
        account = read_account(self.slot / RESULT, nonce, tuple(map(len, plan.program)))
        if account is not None and account.refused:
            raise UsageError(account.refused)
        remains = Remains(
            ending=watched.ending,
            account=account,
            record=self.slot / RECORD,
            printed=watched.printed,
            stacks=watched.stacks,
            seconds=seconds,
        )
        if remains.ended_well:
            evidence = gather(plan, remains)
            if not evidence.losses and not evidence.breaches:
                return evidence
            # These are failures of a trial that ended well: they need names and texts too.
        return SYMBOLS.name_evidence(gather(plan, remains, self._tell(plan)))

    def close(self) -> None:
        """End the fork server and all that it started."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ready(self) -> ForkServer:
        """The running server, or a new one. Raises `HostError` when there were too many."""
        while self._server is None:
            try:
                self._server = ForkServer(self._order, self.slot)
            except LinkLost as lost:
                self._count_loss(str(lost))
        return self._server

    def _count_loss(self, why: str) -> None:
        self._lost += 1
        if self._lost >= LOST_IN_A_ROW:
            raise HostError(
                f"the fork server of {self._order.target} died {self._lost} times in a row: {why}"
            )

    def _check_operations(self, plan: Plan) -> None:
        known = {each.name for each in self.hello.operations}
        unknown = {call.op for calls in plan.program for call in calls} - known
        if unknown:
            raise UsageError(
                f"{plan.target} has no operation {min(unknown)!r}, which the plan calls. It has: "
                f"{', '.join(sorted(known))}."
            )

    def _lay_out(self, plan: Plan) -> None:
        """Write the plan, and remove the record of the trial before: a result has its own nonce."""
        disk = os.statvfs(self.slot)
        if disk.f_bavail * disk.f_frsize < SPACE:
            raise NotTestedError(
                f"{self.slot.parent} is full: a trial needs {SPACE >> 20} MiB there. Free some "
                "space, or set TMPDIR to a folder that has it."
            )
        (self.slot / RECORD).unlink(missing_ok=True)
        if plan is self._laid_out:
            return  # carried out again, to see how often it fails: the file is there
        draft = self.slot / "plan.tmp"
        draft.write_bytes(encode_compact(plan))
        draft.replace(self.slot / PLAN)
        self._laid_out = plan

    def _carry_out(self, plan: Plan, nonce: str) -> Watched:
        """See the plan's child through; once more when its server died before there was a child."""
        while True:
            server = self._ready()
            try:
                pid = server.start_child("run", nonce)
                watched = watch(server, pid, self._limits(plan), self.slot / RECORD)
            except LinkLost as lost:
                printed = server.link.printed()
                self.close()
                self._count_loss(str(lost))
                # A child makes its record before anything of the target runs in it.
                if (self.slot / RECORD).exists():
                    return Watched(Ending(End.LOST), printed)
                continue
            except BaseException:
                # Ctrl-C, say: the child is running and its server expects to wait for it.
                self.close()
                raise
            if watched.lost_server:
                self.close()
            self._lost = 0
            return watched

    def _limits(self, plan: Plan) -> Limits:
        """The plan's, but never less patience than what is slow in one thread needs."""
        needed = REHEARSALS * self.hello.rehearsal_seconds
        return evolve(plan.limits, seconds=max(plan.limits.seconds, needed))

    def _tell(self, plan: Plan) -> Texts:
        """The program as text, for a trial that will be shown; empty when it cannot be had."""
        texts = self._texts.get(plan.program)
        if texts is None:
            texts = self._ask_texts(plan)
            if len(self._texts) >= TEXTS_KEPT:
                self._texts.clear()
            if texts:
                self._texts[plan.program] = texts
        return texts

    def texts(self, plan: Plan) -> Texts:
        """Every call as text, "put(key=3)"; () when unknown. Raises `UsageError` like `run`."""
        self._check_operations(plan)
        self._lay_out(plan)
        return self._tell(plan)

    def literals(self, plan: Plan) -> Texts:
        """Every call's arguments as `Call.given`, "" where no literal gives them; () when unknown."""
        self._check_operations(plan)
        self._lay_out(plan)
        return self._ask_texts(plan, "literals")

    def _ask_texts(self, plan: Plan, what: str = "texts") -> Texts:
        """In a child, since what is drawn and shown is the target's own code."""
        nonce = secrets.token_hex(8)
        try:
            server = self._ready()
            pid = server.start_child("texts", nonce)
            if server.wait_for_child(time.monotonic() + TEXTS_SECONDS) is None:
                end_child(server, pid)
        except LinkLost:
            self.close()
        except StressorError:
            return ()  # the next plan will say it; the evidence at hand must not be lost over it
        return read_texts(self.slot / TEXTS, nonce, tuple(map(len, plan.program)), what) or ()
