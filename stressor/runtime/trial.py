"""One trial, in its own process: state, workers, rounds until one fails, one file at the end.

Decides when a round has failed, which is only when to stop; what the failure is, the oracles say.
Whatever the target's functions raise is kept as theirs. Whatever else raises is stressor's own
fault and is reported as that.
"""

import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from attrs import frozen

from stressor.model.plan import Plan
from stressor.runtime import account, binding, changes, gil
from stressor.runtime.descriptors import flush_streams
from stressor.runtime.program import Program, Step
from stressor.runtime.workers import Crew, Worker
from stressor.targets import Harness, HarnessError

PLAN, RECORD, RESULT = "plan.json", "record.bin", "result.json"


@frozen
class Assignment:
    """A child's plan, and where it leaves its results; `nonce` marks them as this trial's."""

    slot: Path
    nonce: str
    plan: Plan

    def report(self, data: dict[str, Any]) -> None:
        """Write the result, whole."""
        account.write(self.slot / RESULT, {"nonce": self.nonce, **data})


def live(harness: Harness, assignment: Assignment) -> NoReturn:
    """Be the child of one trial."""
    try:
        assignment.report(_Trial(harness, assignment).carry_out())
    except HarnessError as refusal:
        assignment.report({"refused": str(refusal)})
    except binding.UnknownSchedulerError as refusal:
        assignment.report({"refused": f"the plan's schedule: {refusal}."})
    except binding.MonitorsRefusedError as refusal:
        assignment.report({"refused": f"{refusal}. Leave --monitor out."})
    except BaseException:
        _end_with_fault(assignment, traceback.format_exc())
    flush_streams()
    os._exit(0)


def _end_with_fault(assignment: Assignment, text: str) -> NoReturn:
    """From any thread: the other ones may wait for ever for the one that failed."""
    try:
        blame = changes.blame()
        assignment.report({"refused": blame + text} if blame else {"fault": text})
    except OSError as error:
        # No room for a result, say. This is the last way to tell that it was not the target.
        os.write(2, f"{account.OWN_FAULT}\n{text}\n{error}\n".encode(errors="replace"))
    finally:
        flush_streams()
        os._exit(70)


class _Trial:
    def __init__(self, harness: Harness, assignment: Assignment) -> None:
        self._harness = harness.narrowed(assignment.plan.program)
        self._plan = assignment.plan
        self._record = assignment.slot / RECORD
        self._workers = [Worker(number) for number in range(self._plan.threads)]
        self._crew = Crew(self._workers, lambda fault: _end_with_fault(assignment, _format(fault)))
        self._setup: BaseException | None = None
        self._check: BaseException | None = None

    def carry_out(self) -> dict[str, Any]:
        """Do all rounds, or up to the first that fails, and return the account of the last."""
        program = Program(self._harness, self._plan)
        _seed_random(self._plan.seed)
        session = binding.Session(self._record, self._harness.operations, self._plan)
        self._crew.start()
        rounds = 0
        for steps in program.rounds():
            self._run_round(session, rounds, steps)
            rounds += 1
            if self._has_failed() or session.has_finding():
                break
        self._crew.dismiss()
        session.close()
        return self._account(rounds)

    def _run_round(self, session: binding.Session, number: int, steps: list[list[Step]]) -> None:
        for worker, its_steps in zip(self._workers, steps, strict=True):
            worker.prepare(its_steps)
        state, self._setup = self._set_up()
        if self._setup is not None:
            return
        # Not before: should setup() crash, then on what the round before has left behind, and that
        # round's events are the ones to see.
        session.begin_round(number)
        self._crew.run_round(state)
        _, self._check = _attempt(self._harness.check, state)
        _, teardown = _attempt(self._harness.teardown, state)
        # A state that cannot be taken down is a wrong state: reported like a failing check.
        if self._check is None:
            self._check = teardown

    def _set_up(self) -> tuple[object, BaseException | None]:
        """In the thread that shall own what is made: only its owner frees an object at once."""
        make = partial(self._harness.state_for, self._plan.program)
        if self._plan.home is None:
            return _attempt(make)
        made: list[tuple[object, BaseException | None]] = []
        self._crew.run_alone(self._plan.home, lambda: made.append(_attempt(make)))
        return made.pop()

    def _has_failed(self) -> bool:
        alone = self._setup is not None or self._check is not None
        return alone or gil.gil_is_on() or any(worker.raised for worker in self._workers)

    def _account(self, rounds: int) -> dict[str, Any]:
        raised = [
            (worker.number, index, error)
            for worker in self._workers
            for index, error in sorted(worker.raised.items())
        ]
        return {
            "rounds": rounds,
            "calls": ["".join(worker.letters) for worker in self._workers],
            "raised": account.tell_all(raised),
            "setup": _told(self._setup),
            "check": _told(self._check),
            "gil": gil.culprit() if gil.gil_is_on() else None,
        }


def _attempt(
    function: Callable[..., object], *state: object
) -> tuple[object, BaseException | None]:
    try:
        return function(*state), None
    except BaseException as error:
        return None, error


def _told(error: BaseException | None) -> dict[str, str] | None:
    return None if error is None else account.tell(error)


def _format(fault: BaseException) -> str:
    return "".join(traceback.format_exception(fault))


def _seed_random(seed: int) -> None:
    """The random module seeds itself anew in a forked child; the plan must decide everything."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed(seed)
