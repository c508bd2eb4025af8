"""The pipes between a host and its fork server: messages both ways, and all that is printed.

Standard error of the server and of all its children is one pipe that is read whenever the host
waits, so a child that prints without end costs a bounded tail of memory and no disk. Nothing that
arrives is trusted: what is not a message ends the link.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

TAIL = 64 << 10  # bytes of standard error that are kept
LONGEST_LINE = 64 << 20
CHUNK = 64 << 10
CHUNKS = 16  # read at once from one pipe, before deadlines are looked at again

# PR_SET_PDEATHSIG means the thread that forked, not its process: a server started by a job would die
# with the job. This thread lives as long as the process.
_spawner = ThreadPoolExecutor(1, thread_name_prefix="stressor-spawner")


class LinkLost(Exception):
    """The other end is gone, or says what it never should; the message tells which."""


class Link:
    """One fork server process and its pipes. Made, used and closed by one thread at a time."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the process as leader of its own session. Raises `OSError`."""
        self._process = _spawner.submit(_spawn, command, environment).result()
        # Popen gives pipes where it was asked for pipes.
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._in, self._out, self._err = (pipe.fileno() for pipe in self._pipes if pipe)
        os.set_blocking(self._out, False)
        os.set_blocking(self._err, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        self._received = bytearray()
        self._printed = bytearray()

    @property
    def pid(self) -> int:
        """Process number of the fork server."""
        return self._process.pid

    def send(self, message: Mapping[str, object]) -> None:
        """Send one message; they are short, and the server reads one before it answers."""
        try:
            os.write(self._in, json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise LinkLost(f"the fork server takes no command: {error.strerror}") from None

    def receive(self, until: float) -> dict[str, Any] | None:
        """The next message; None when there is none by `until`, of `time.monotonic`."""
        while (line := self._next_line()) is None:
            left = until - time.monotonic()
            if left <= 0:
                return None
            ready = {fd for fd, _ in self._poll.poll(left * 1000)}
            if self._err in ready and not self._read(self._err, self._printed):
                self._poll.unregister(self._err)  # closed by all: not yet an end
            del self._printed[:-TAIL]
            # What it said last, why it refuses say, may come in one read with its end.
            is_over = self._out in ready and not self._read(self._out, self._received)
            if is_over and b"\n" not in self._received:
                raise LinkLost("the fork server is gone")
            if len(self._received) > LONGEST_LINE:
                raise LinkLost("the fork server's message has no end")
        return _message(line)

    def printed(self) -> str:
        """The end of what was printed since `forget`."""
        self._read(self._err, self._printed)
        return self._printed[-TAIL:].decode(errors="replace")

    def forget(self) -> None:
        """Throw away what was printed so far."""
        self._read(self._err, self._printed)
        self._printed.clear()

    def wait_for_print(self, seconds: float) -> None:
        """Wait until something is printed, then until nothing more is for a tenth of that time."""
        poll = select.poll()
        poll.register(self._err, select.POLLIN)
        deadline = time.monotonic() + seconds
        patience = seconds
        while time.monotonic() < deadline and poll.poll(patience * 1000):
            if not self._read(self._err, self._printed):
                return
            patience = seconds / 10

    def exit_code(self) -> int | None:
        """How the process ended, as `subprocess` says it; None when it has not within a second."""
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Kill the fork server and forget it. It has no state to save."""
        self._process.kill()
        self._process.wait()
        for pipe in self._pipes:
            if pipe is not None:
                pipe.close()

    def _next_line(self) -> bytes | None:
        end = self._received.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    @staticmethod
    def _read(source: int, into: bytearray) -> bool:
        """Read what is there, up to a bound; False when the pipe is closed."""
        for _ in range(CHUNKS):
            try:
                some = os.read(source, CHUNK)
            except BlockingIOError:
                return True
            if not some:
                return False
            into += some
        return True


def _spawn(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C goes to the parent alone, which ends us when it is ready
    )


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise LinkLost(f"the fork server says what is no message: {line[:200]!r}")
    return message
