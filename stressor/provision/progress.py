"""What a person sees while provisioning, and the kept log behind it.

Decides how phases and a moving count are shown: rewritten in place on a terminal, one line per
phase elsewhere. Runs one logged command at a time; which commands, and what they mean, is up to the
caller.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from stressor.provision.errors import CouldNotTest

TAIL_LINES = 20
REDRAW_SECONDS = 0.2


class Progress:
    """Phases with their times on `stream`; a phase's moving detail only where `stream` is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, else to standard error: standard output is the command's that is run."""
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._phase: tuple[str, float] | None = None
        self._drawn = 0.0

    def say(self, text: str) -> None:
        """Print one line of its own."""
        self._clear()
        print(f"stressor: {text}", file=self._stream, flush=True)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Show that `name` is being done, and at its end how long it took."""
        began = time.monotonic()
        self._phase = (name, began)
        self.say(f"[{began - self._started:4.0f} s] {name}")
        try:
            yield
        finally:
            self._clear()
            self._phase = None

    def detail(self, text: str) -> None:
        """Show how far the phase is; at most five times a second, and only on a terminal."""
        now = time.monotonic()
        if not self._terminal or self._phase is None or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        width = shutil.get_terminal_size().columns - 1
        line = f"          {now - self._phase[1]:4.0f} s  {text}"[:width]
        print(f"\r\x1b[K{line}", end="", file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=self._stream, flush=True)


class Log:
    """A log file that is kept, and the commands whose output goes into it."""

    def __init__(self, path: Path, progress: Progress) -> None:
        """Start the log anew: it belongs to one provisioning."""
        self.path = path
        self.progress = progress
        path.write_bytes(b"")

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        seconds: float,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run `command` to its end; on failure or after `seconds`, raise with the log's last lines."""
        with self.path.open("ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            try:
                status = _stream(
                    command, cwd, environ, log.write, on_line, time.monotonic() + seconds
                )
            except OSError as error:
                raise CouldNotTest(f"cannot run {command[0]}: {error.strerror}") from None
        if status is None:
            raise CouldNotTest(self._failure(command, f"was ended: not done after {seconds:.0f} s"))
        if status != 0:
            raise CouldNotTest(self._failure(command, f"failed with exit status {status}"))

    def _failure(self, command: Sequence[str], what: str) -> str:
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        tail = "".join(f"\n  | {line}" for line in lines)
        name = " ".join(command[:4]) + (" ..." if len(command) > 4 else "")
        return f"`{name}` {what}. The log's last lines:{tail}\nThe whole log: {self.path}"


def _stream(
    command: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str] | None,
    write: Callable[[bytes], object],
    on_line: Callable[[str], None],
    deadline: float,
) -> int | None:
    """Run `command` in a group that never outlives the call; None when the deadline passed."""
    child = subprocess.Popen(
        [*_ended_with_us(), *command],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert child.stdout is not None
        for line in _lines_until(child.stdout.fileno(), deadline):
            write(line)
            on_line(line.decode(errors="replace"))
        return child.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        return None
    finally:
        if child.returncode is None:  # not reaped yet, so that the number still means this group
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _ended_with_us() -> list[str]:
    # kill -9 of this process must not leave a compile job behind a lock that nobody holds.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _lines_until(descriptor: int, deadline: float) -> Iterator[bytes]:
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            block = os.read(descriptor, 65536)
            if not block:
                break
            *lines, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
