"""Standard streams of the fork server, kept from the target.

The host talks to us on descriptors 0 and 1. A target that prints, reads or closes those must not
touch the protocol, so it moves to private descriptors, which a forked child closes first of all.
"""

import contextlib
import os
import sys
from typing import Any, BinaryIO

from attrs import frozen

from stressor.runtime.wire import decode, encode


@frozen
class Protocol:
    """JSON lines from and to the host."""

    commands: BinaryIO
    answers: BinaryIO

    def read(self) -> dict[str, Any] | None:
        """The next command; None when the host is gone."""
        line = self.commands.readline()
        if not line.endswith(b"\n"):
            return None
        command: dict[str, Any] = decode(line)
        return command

    def write(self, answer: dict[str, Any]) -> None:
        """Send one answer, whole."""
        self.answers.write(encode(answer).encode() + b"\n")
        self.answers.flush()

    def close(self) -> None:
        """For a forked child: from here on the protocol is out of its reach."""
        self.commands.close()
        self.answers.close()


def take_protocol() -> Protocol:
    """Move the protocol away from 0 and 1, which become /dev/null and standard error."""
    protocol = Protocol(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # What a child has printed must not wait in a buffer: the child may not live to flush it.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is the original one
    return protocol


def flush_streams() -> None:
    """Send off what Python has buffered of standard output and standard error."""
    for stream in (sys.stdout, sys.stderr):
        # Closed or replaced by the target: what it printed there is lost, nothing else.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
