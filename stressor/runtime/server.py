"""The fork server: the target imported once, and one forked child for every trial.

Decides whether the target can be tested at all, and says so in its first line: `hello` or `refused`.
After that it only forks, waits and cleans up; it never runs a target's function itself, so that
nothing a trial does can wear it down. It knows no deadlines: the parent kills what takes too long.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from attrs import asdict, frozen

from stressor.model.plan import Plan
from stressor.runtime import account, binding, changes, gil, processes, scope, trial
from stressor.runtime.descriptors import Protocol, flush_streams, take_protocol
from stressor.runtime.order import read_order
from stressor.runtime.program import literals, texts
from stressor.runtime.rehearsal import Refused, rehearse
from stressor.targets import Harness, HarnessError, load

TEXTS, RUNTIME = "texts.json", "runtime.json"
STACKS_SIGNAL = signal.SIGRTMAX - 5  # faulthandler writes all threads' stacks; hardly ever taken
ADDR_NO_RANDOMIZE = 0x0040000  # personality(2)


@frozen
class Orders:
    """What the host wants of this process; `slot` is the folder that both use."""

    target: str
    modules: list[str]
    runtime: bool  # calls inside the interpreter are in the slot, and shall be redirected
    slot: str
    parent: int  # the host's process


def serve(text: str) -> NoReturn:
    """Be the fork server; ends with the process."""
    protocol = take_protocol()
    orders = Orders(**json.loads(text))
    changes.remember(orders.target)
    try:
        server = Server(protocol, Path(orders.slot))
        server.obey(server.start(orders))
    except Refused as refusal:
        protocol.write({"refused": {"exit": refusal.exit_code, "message": str(refusal)}})
    except Exception:
        # Nothing of the target runs in this process after its import, and that is guarded.
        blame = changes.blame()
        fault = traceback.format_exc()
        if blame:
            protocol.write({"refused": {"exit": 3, "message": blame + fault}})
        else:
            protocol.write({"fault": fault})
    flush_streams()
    os._exit(0)  # whatever the target registered to run at exit is none of our business


class Server:
    """Carries out the host's commands until the host is gone."""

    def __init__(self, protocol: Protocol, slot: Path) -> None:
        self._protocol = protocol
        self._slot = slot
        self._pid = os.getpid()
        self._kept: frozenset[int] = frozenset()  # children that the target's import started
        self._plan: Plan | None = None  # the last one, and which file it was read from
        self._version = (0, 0)

    def start(self, orders: Orders) -> Harness:
        """Load, instrument and rehearse the target, and say hello. Raises `Refused`."""
        _prepare_process()
        _require(binding.unsupported())
        _require(gil.refusal())
        # Before the target: what its import starts would run the code that is changed.
        redirected, refused = self._redirect(orders)
        try:
            harness = load(orders.target)
        except HarnessError as error:
            raise Refused(str(error), int(error.exit_code)) from None
        # Where the target ignores it at its import, the kernel reaps our children before we do.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _require(gil.refusal())
        _meet_threads()
        try:
            coverage = binding.instrument(scope.globs(orders.modules, harness.modules))
        except ValueError as error:
            raise Refused(f"the modules to instrument: {error}") from None
        self._kept = processes.children()
        seconds = 0.0
        if harness.rehearsed:
            seconds = rehearse(harness, self._slot, self._enter_child, self._kept)
        hello = {
            "interpreter": sys.version,
            "randomized": not _randomization_is_off(),
            "stacks_signal": STACKS_SIGNAL,
            "operations": [asdict(each.info) for each in harness.operations],
            "modules": [asdict(each) for each in coverage],
            "own_modules": list(harness.modules),
            "rehearsal_seconds": seconds,
            "redirected": redirected,
            "not_redirected": refused,
        }
        self._protocol.write({"hello": hello})
        return harness

    def _redirect(self, orders: Orders) -> tuple[dict[str, int], dict[str, str]]:
        if not orders.runtime:
            return {}, {}
        try:
            return binding.redirect(self._slot / RUNTIME)
        except binding.NotRedirected as why:
            raise Refused(f"the runtime's own calls cannot be redirected: {why}.", 3) from None

    def obey(self, harness: Harness) -> None:
        """Carry out commands; returns when the host closes the pipe."""
        while (command := self._protocol.read()) is not None:
            match command:
                case {"run": str(nonce)}:
                    self._run(trial.live, harness, self._assignment(nonce))
                case {"texts": str(nonce)}:
                    self._run(_tell_texts, harness, self._assignment(nonce))
                case _:
                    raise ValueError(f"unknown command: {command!r}")

    def _assignment(self, nonce: str) -> trial.Assignment:
        """The plan in the slot. Read here, where memory is warm, and once while it stays the same."""
        path = self._slot / trial.PLAN
        file = path.stat()
        version = file.st_ino, file.st_mtime_ns
        if self._plan is None or version != self._version:
            self._plan, self._version = read_order(path), version
        return trial.Assignment(self._slot, nonce, self._plan)

    def _run[**P](self, live: Callable[P, NoReturn], *args: P.args, **kwargs: P.kwargs) -> None:
        def enter_and_live() -> NoReturn:
            self._enter_child()
            live(*args, **kwargs)

        pid = processes.fork(enter_and_live)
        self._protocol.write({"started": pid})
        self._protocol.write({"ended": processes.wait_and_sweep(pid, self._kept)})

    def _enter_child(self) -> None:
        """What every child does first, before anything of the target's runs in it."""
        self._protocol.close()
        binding.die_with_parent(self._pid)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _prepare_process() -> None:
    """State that all children inherit."""
    gil.listen()
    # Ctrl-C is the parent's: it ends us. A child that sends it to its parent must not.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(file=2)
    faulthandler.register(STACKS_SIGNAL, file=2, all_threads=True)
    # Forking while the target's own threads run is what the user asked for.
    warnings.filterwarnings("ignore", message=".*use of fork.*", category=DeprecationWarning)


def _meet_threads() -> None:
    """Start a first thread here, once, and not in every child.

    CPython 3.13 then makes all functions, types and code objects immortal (`gc.c`,
    `_PyGC_ImmortalizeDeferredObjects`), which writes to every page that the children share with us:
    4 ms of copying for each of them.
    """
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _require(refusal: str) -> None:
    if refusal:
        raise Refused(refusal, exit_code=3)


def _tell_texts(harness: Harness, assignment: trial.Assignment) -> NoReturn:
    """Write the calls of the plan as text: asked for only when a trial has to be shown to somebody."""
    try:
        plan = assignment.plan
        said: dict[str, Any] = {"texts": texts(harness, plan), "literals": literals(harness, plan)}
    except HarnessError as error:
        said = {"refused": str(error)}
    account.write(assignment.slot / TEXTS, {"nonce": assignment.nonce, **said})
    os._exit(0)


def _randomization_is_off() -> bool:
    try:
        return bool(int(Path("/proc/self/personality").read_text(), 16) & ADDR_NO_RANDOMIZE)
    except (OSError, ValueError):
        return False
