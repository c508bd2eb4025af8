"""Ctrl-C and SIGTERM end a campaign, they do not tear it apart.

The first asks it to stop, so that the trial under way ends by its own rules and everything found is
kept and told; the second is an ordinary KeyboardInterrupt, for when the first takes too long.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal that arrives in the body. For the main thread only."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        stop()

    before = [signal.signal(each, handle) for each in SIGNALS]
    try:
        yield
    finally:
        for each, handler in zip(SIGNALS, before, strict=True):
            signal.signal(each, handler)
