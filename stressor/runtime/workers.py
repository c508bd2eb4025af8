"""The worker threads of a trial: one per logical thread, kept for all its rounds.

They meet the owner of the trial at two native barriers a round: one releases them all at the same
moment, the other hands the state back. What an operation raises is kept, every one of them; what
raises outside an operation is stressor's own fault and ends the child at once.
"""

import threading
from collections.abc import Callable, Sequence

from attrs import define, field

from stressor.runtime import binding
from stressor.runtime.account import NOT_STARTED, RAISED, RAISED_LEGAL, RETURNED
from stressor.runtime.program import Step

JOIN_SECONDS = 3600.0  # the parent's patience ends long before; no wait is endless


@define
class Worker:
    """One logical thread: its steps, and what became of them in the last round."""

    number: int
    steps: Sequence[Step] = ()
    letters: list[str] = field(factory=list)
    raised: dict[int, BaseException] = field(factory=dict)

    def prepare(self, steps: Sequence[Step]) -> None:
        """Take the steps of the next round; between rounds only."""
        self.steps = steps
        self.letters = [NOT_STARTED] * len(steps)
        self.raised.clear()

    def run_program(self, state: object) -> None:
        """Make all calls, whatever they raise."""
        begin, end = binding.operation_begin, binding.operation_end
        letters = self.letters
        for index, step in enumerate(self.steps):
            begin(step.operation, index)
            try:
                # The result is never bound to a name: it would live on into the next call.
                end(step.function(state, **step.arguments))
                letters[index] = RETURNED
            except BaseException as error:
                end(None)
                # SystemError is how the interpreter reports that native code broke a rule of the
                # C API, so no harness can declare it legal.
                if isinstance(error, step.legal) and not isinstance(error, SystemError):
                    letters[index] = RAISED_LEGAL
                else:
                    letters[index] = RAISED
                    self.raised[index] = error


class Crew:
    """All workers of a trial and the barriers they share with its owner."""

    def __init__(
        self, workers: Sequence[Worker], on_fault: Callable[[BaseException], None]
    ) -> None:
        self.workers = workers
        self._on_fault = on_fault
        self._job: Callable[[Worker], None] | None = None  # of the round; None: the trial is over
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all threads; they wait for the first round."""
        binding.barrier_reset(len(self.workers) + 1)
        for worker in self.workers:
            name = f"stressor-{worker.number}"
            thread = threading.Thread(target=self._live, args=(worker,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def run_round(self, state: object) -> None:
        """Let all workers run their program on `state`, and wait for all of them."""

        def live(worker: Worker) -> None:
            binding.turn_enter()
            worker.run_program(state)

        self._run(live)

    def run_alone(self, number: int, function: Callable[[], None]) -> None:
        """Let one worker call `function` while the others wait: what it makes is that thread's."""

        def live(worker: Worker) -> None:
            if worker.number == number:
                function()

        self._run(live)

    def _run(self, job: Callable[[Worker], None]) -> None:
        self._job = job
        binding.run_round()
        self._job = None

    def dismiss(self) -> None:
        """End all threads: what they do at their end belongs to the trial too."""
        binding.barrier_wait()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _live(self, worker: Worker) -> None:
        try:
            binding.enter(worker.number)
            while True:
                binding.barrier_wait()
                if self._job is None:
                    break
                self._job(worker)
                binding.barrier_wait()
            binding.leave()
        except BaseException as fault:
            self._on_fault(fault)
