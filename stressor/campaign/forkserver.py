"""One fork server process, from its start to its end: what it is told, and what it answers.

Decides what a server that cannot serve means: a broken harness, a target that cannot be tested, or
a fault of stressor's own. Knows nothing of plans; what a child does is between the slot and `host`.
"""

import json
import os
import secrets
import signal
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from stressor.campaign.hello import Hello, read_hello
from stressor.campaign.link import Link, LinkLost
from stressor.campaign.redirection import redirection
from stressor.campaign.supervise import kill_family, kill_marked
from stressor.errors import ExitCode, NotTestedError, StressorError, UsageError
from stressor.model.plan import Allocator

HELLO_SECONDS = 600.0  # a target's C sources may have to be compiled
START_SECONDS = 60.0  # of one fork, on a machine that is short of everything
MARK = "STRESSOR_HOST"  # in the environment of everything that a fork server started
HARMFUL = (
    "PYTHONOPTIMIZE",  # without asserts, operations and checks would pass whatever happens
    "PYTHONINSPECT",
    "PYTHONPROFILEIMPORTTIME",
    "PYTHONVERBOSE",
)
"""Variables that would falsify what a trial says."""

RUNTIME = "runtime.json"  # in the slot: the interpreter's calls to redirect

SHOWN = 3000  # characters of what a dying server printed


class RuntimeFault(StressorError):
    """The fork server failed by a fault of stressor's own; the message has its traceback."""


@frozen
class Order:
    """What one fork server is for."""

    target: str
    modules: tuple[str, ...]
    allocator: Allocator
    python: str
    runtime: tuple[str, ...] = ()


class ForkServer:
    """A running fork server that has said hello. Used by one thread at a time."""

    def __init__(self, order: Order, slot: Path) -> None:
        """Start it and wait until the target is ready.

        Raises:
            UsageError: the harness is broken, or `runtime` names no function.
            NotTestedError: the target or the interpreter cannot be tested.
            RuntimeFault: stressor failed.
            LinkLost: it died.
        """
        if order.runtime:
            orders = redirection(order.runtime, order.python).orders()
            (slot / RUNTIME).write_text(json.dumps(orders))
        self._mark = secrets.token_hex(8)
        environment = _environment(order.allocator, self._mark)
        try:
            self.link = Link(_command(order, slot), environment)
        except OSError as error:
            raise NotTestedError(f"{order.python} cannot be run: {error.strerror}.") from None
        try:
            self.hello = self._read_hello(order, slot)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.link.pid

    def start_child(self, what: str, nonce: str) -> int:
        """Have a child forked that does `what`; returns its process number. Raises `LinkLost`."""
        self.link.forget()  # now: the child may print before we hear that it started
        self.link.send({what: nonce})
        pid = self._answer("started", time.monotonic() + START_SECONDS)
        if pid is None:
            raise LinkLost(f"the fork server started no child within {START_SECONDS:.0f} s")
        return pid

    def wait_for_child(self, until: float) -> int | None:
        """The child's wait status; None when it is not over by then. Raises `LinkLost`."""
        return self._answer("ended", until)

    def close(self) -> None:
        """Kill it with all that it started, wherever that is now."""
        kill_family(self.pid, os.getpid())
        self.link.close()
        kill_marked(MARK, self._mark)

    def _answer(self, name: str, until: float) -> int | None:
        message = self.link.receive(until)
        if message is None:
            return None
        if "fault" in message:
            raise RuntimeFault(f"stressor's fork server failed:\n{message['fault']}")
        number = message.get(name)
        if type(number) is not int:
            raise LinkLost(f"the fork server answers {message} and not {name!r}")
        return number

    def _read_hello(self, order: Order, slot: Path) -> Hello:
        try:
            message = self.link.receive(time.monotonic() + HELLO_SECONDS)
        except LinkLost:
            raise LinkLost(_death(order, self.link)) from None
        if message is None:
            raise NotTestedError(
                f"{order.target}: loading it did not end within {HELLO_SECONDS:.0f} s.\n"
                f"{self.link.printed()[-SHOWN:]}"
            )
        if "fault" in message:
            raise RuntimeFault(f"stressor's fork server failed:\n{message['fault']}")
        refused: dict[str, Any] | None = message.get("refused")
        if refused is not None:
            broken = refused["exit"] == ExitCode.USAGE
            raise (UsageError if broken else NotTestedError)(refused["message"])
        return read_hello(message["hello"], slot)


def _command(order: Order, slot: Path) -> list[str]:
    orders = {
        "target": order.target,
        "modules": order.modules,
        "runtime": bool(order.runtime),
        "slot": str(slot),
        "parent": os.getpid(),
    }
    # -P: the current folder's files must not stand in for the standard library's.
    return [order.python, "-P", "-m", "stressor.runtime", "launch", json.dumps(orders)]


def _environment(allocator: Allocator, mark: str) -> dict[str, str]:
    """The user's environment, with all that a plan must decide decided."""
    environment = {
        # Worker threads of a numeric library would outnumber ours and do not survive the fork.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        **os.environ,
        "PYTHONHASHSEED": "0",
        MARK: mark,
    }
    for name in ("PYTHONMALLOC", *HARMFUL):
        environment.pop(name, None)
    if allocator is Allocator.DEBUG:
        environment["PYTHONMALLOC"] = "debug"
    return environment


def _death(order: Order, link: Link) -> str:
    code = link.exit_code()
    how = f"exit code {code}"
    if code is not None and code < 0:
        how = f"signal {-code} ({signal.strsignal(-code)})"
    printed = link.printed().strip()[-SHOWN:]
    return (
        f"{order.target}: the interpreter ended with {how} while it loaded the target, before "
        f"anything was run.\n{printed}"
    )
