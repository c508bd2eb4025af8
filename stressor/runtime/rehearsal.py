"""The harness alone, before any race: a broken harness is not a bug of the target.

In a child of its own, because a broken harness may also crash or hang, and in one thread: setup,
every operation twice, check, teardown. What fails here fails without any concurrency, so the whole
target is refused, with a message that names the step. The child is armed without rules, as logical
thread 0, so its record tells the parent which sites the operations reach.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from attrs import define

from stressor.model.plan import Call, Plan
from stressor.runtime import account, binding, gil, processes
from stressor.runtime.program import Program, Step
from stressor.runtime.wire import decode
from stressor.targets import Harness, HarnessError

SECONDS = float(os.environ.get("STRESSOR_REHEARSAL_SECONDS", "60"))
"""Patience with one rehearsal. Two calls of each operation take milliseconds."""

RECORD, NOTES = "rehearsal.bin", "rehearsal.json"
ENTROPIES = ("", "5f3a9c17e4b2086d" * 4)
"""Each operation is called once with each: the simplest arguments, and some that are not."""

FINISHED = "its end"
OWN_FAULT = 4


class Refused(Exception):
    """The target cannot be tested; `exit_code` is 2 for a broken harness, 3 when the GIL came on."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class StepFailed(Exception):
    """A step of the rehearsal raised; the message is what."""


@define
class Notes:
    """A file with the current step and what is wrong with it. It outlives the process."""

    path: Path
    step: str = "its start"

    def begin(self, step: str) -> None:
        """Whatever happens from now on happens in `step`."""
        self.step = step
        self.refuse("", 0)

    def refuse(self, why: str, exit_code: int) -> None:
        """Say why the rehearsal ends in this step."""
        account.write(self.path, {"step": self.step, "why": why, "exit_code": exit_code})


def rehearse(
    harness: Harness, slot: Path, enter: Callable[[], None], kept: frozenset[int]
) -> float:
    """Rehearse in a forked child, which calls `enter` first; return how many seconds it took.

    Raises `Refused`.
    """
    notes = Notes(slot / NOTES)
    notes.begin(notes.step)

    def live() -> NoReturn:
        enter()
        _live(harness, slot / RECORD, notes)

    began = time.monotonic()
    status = processes.wait_at_most(processes.fork(live), SECONDS, kept)
    seconds = time.monotonic() - began
    said = decode(notes.path.read_bytes())
    if said["exit_code"] == OWN_FAULT:
        raise RuntimeError(f"the rehearsal failed:\n{said['why']}")
    if said["exit_code"] == 3:
        raise Refused(said["why"], exit_code=3)
    what = f"failed: {said['why']}" if said["exit_code"] else _death(status)
    if said["step"] != FINISHED or what:
        raise Refused(
            f"{harness.name} is a broken harness: with one thread and nothing injected, "
            f"{said['step']} {what or 'ended the process with exit code 0'}\n"
            "Make this work single-threaded first; nothing was run in parallel."
        )
    return seconds


def _death(status: int | None) -> str:
    """How the child ended, as the rest of a sentence; empty for a regular end."""
    if status is None:
        return f"did not end within {SECONDS:g} s."
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"was ended by signal {number} ({signal.strsignal(number)})."
    code = os.WEXITSTATUS(status)
    return f"ended the process with exit code {code}." if code else ""


def _live(harness: Harness, record: Path, notes: Notes) -> NoReturn:
    try:
        _run(harness, record, notes)
        why = gil.refusal()
        if why:
            notes.refuse(why, 3)
    except StepFailed as failure:
        notes.refuse(str(failure), 2)
    except BaseException:
        notes.refuse(traceback.format_exc(), OWN_FAULT)
    os._exit(0)


def _run(harness: Harness, record: Path, notes: Notes) -> None:
    calls = tuple(Call(each.name, entropy) for entropy in ENTROPIES for each in harness.operations)
    plan = Plan(harness.name, program=(calls,), seed=0, ledger=False)
    notes.begin("drawing arguments")
    try:
        (steps,) = Program(harness, plan).steps
    except HarnessError as error:
        raise StepFailed(str(error)) from None
    session = binding.Session(record, harness.operations, plan)
    notes.begin("setup()")
    state = _alone(harness.setup)
    for index, step in enumerate(steps):
        notes.begin(f"operation {calls[index].op!r}")
        _call(index, step, state)
    notes.begin("check()")
    _alone(harness.check, state)
    notes.begin("teardown()")
    _alone(harness.teardown, state)
    session.close()
    notes.begin(FINISHED)


def _alone(function: Callable[..., object], *state: object) -> object:
    try:
        return function(*state)
    except BaseException as error:
        raise StepFailed(account.tell(error)["traceback"]) from None


def _call(index: int, step: Step, state: object) -> None:
    binding.enter(0)  # only for the call: our own notes reach sites too
    try:
        binding.operation_begin(step.operation, index)
        binding.operation_end(step.function(state, **step.arguments))
    except BaseException as error:
        binding.operation_end(None)
        if isinstance(error, SystemError) or not isinstance(error, step.legal):
            raise StepFailed(account.tell(error)["traceback"]) from None
    finally:
        binding.leave()
