"""Arguments from entropy: bytes in, a dict of drawn values out, the same every time.

Decides how bytes become arguments. hypothesis does the drawing, through `fuzz_one_input`, its
documented entry for fuzzers: simpler bytes give simpler arguments, which is what the minimizer
relies on. Nothing is stored, timed or seeded from outside. Imported only when a harness has
strategies: it costs a quarter of a second and a dozen extension modules.
"""

import gc
import importlib
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Protocol

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from stressor.targets.errors import HarnessError

PADDING = 256
"""Zero bytes behind the entropy: a short entropy goes on with the simplest choices."""

LONGEST = 8192
"""hypothesis' own limit of one test case."""

TRIES = 3
"""Attempts with every size of other bytes; hypothesis itself tries a filter three times."""

_SIZES = (4, 8, 16, 32, 64, 128)
"""Bits of an integer from a wide range: half of the draws fit into 16 bits, as real arguments do."""


class Drawing:
    """Draws the arguments of one operation; prepared once, as preparing costs more than drawing."""

    def __init__(self, operation: str, strategies: Mapping[str, st.SearchStrategy[object]]) -> None:
        self._operation = operation
        self._drawn: list[dict[str, object]] = []
        self._fuzz = _entry(strategies, self._drawn.append)
        self.draw("")

    def draw(self, entropy: str) -> dict[str, object]:
        """Return new arguments made from hexadecimal `entropy`.

        Raises:
            HarnessError: not hexadecimal; a strategy raised; or nothing it was offered passed.
        """
        try:
            start = bytes.fromhex(entropy)
        except ValueError:
            raise HarnessError(
                f"{self._operation}: entropy {entropy!r} is no hexadecimal."
            ) from None
        for buffer in _expansions(start):
            drawn = self._attempt(buffer)
            if drawn is not None:
                return drawn
        raise HarnessError(
            f"{self._operation}: its strategies rejected everything that was made of the entropy "
            f"{entropy!r}. Use a filter that passes more often, or build the value with map()."
        )

    def _attempt(self, buffer: bytes) -> dict[str, object] | None:
        self._drawn.clear()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HypothesisWarning)
                accepted = self._fuzz(buffer)
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            raise HarnessError(f"{self._operation}: drawing its arguments raised {text}") from error
        return self._drawn.pop() if accepted is not None and self._drawn else None


def _entry(
    strategies: Mapping[str, st.SearchStrategy[object]], keep: Callable[[dict[str, object]], None]
) -> Callable[[bytes], bytes | None]:
    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(**strategies)
    def take(**drawn: object) -> None:
        keep(drawn)

    fuzz: Callable[[bytes], bytes | None] = take.hypothesis.fuzz_one_input  # type: ignore[attr-defined]  # set by @given, not declared
    return fuzz


def _expansions(start: bytes) -> Iterator[bytes]:
    """What is offered in turn: the entropy itself, then other bytes made of it, ever more of them.

    Bytes that a filter has rejected would be rejected again, so the others do not begin with them.
    """
    yield start + bytes(PADDING)
    size = 64
    while size <= LONGEST:
        for attempt in range(TRIES):
            salt = size.to_bytes(4) + attempt.to_bytes(4) + start
            yield b"".join(sha256(block.to_bytes(4) + salt).digest() for block in range(size // 32))
        size *= 2


class _Bits(Protocol):
    """What `_draw_integer` needs of hypothesis' reader of bytes."""

    def _draw_bits(self, count: int, /) -> int: ...


def _draw_integer(
    provider: _Bits,
    min_value: int | None = None,
    max_value: int | None = None,
    *,
    weights: dict[int, float] | None = None,
    shrink_towards: int = 0,
) -> int:
    """Draw the n-th nearest integer to `shrink_towards` in the range, n from the bytes."""
    centre = shrink_towards
    centre = centre if min_value is None else max(centre, min_value)
    centre = centre if max_value is None else min(centre, max_value)
    below = 2**127 if min_value is None else centre - min_value
    above = 2**127 if max_value is None else max_value - centre
    bits = (below + above).bit_length()
    if bits > 16:
        bits = min(bits, _SIZES[provider._draw_bits(8) % len(_SIZES)])
    nth = provider._draw_bits(bits) % (below + above + 1)
    both = 2 * min(below, above)
    if nth > both:
        offset = nth - both // 2
        return centre + offset if above > below else centre - offset
    return centre + (nth + 1) // 2 if nth % 2 else centre - nth // 2


def _mend() -> None:
    """Make up for HypothesisWorks/hypothesis#4847, in the releases that have it.

    There `fuzz_one_input` draws no negative integer, and none at all from `integers(1000, 1010)`.
    Whether this release has it is asked, not guessed from its version.
    """
    if _draws_negative():
        return
    providers = importlib.import_module("hypothesis.internal.conjecture.providers")
    reader = getattr(providers, "BytestringProvider", None)
    if reader is not None:
        reader.draw_integer = _draw_integer
    if not _draws_negative():
        raise HarnessError(
            f"hypothesis {hypothesis.__version__} draws no negative integers from bytes, and "
            "stressor cannot make up for it. Install another release of hypothesis."
        )


def _draws_negative() -> bool:
    return _entry({"value": st.integers(-10, -1)}, lambda drawn: None)(bytes(64)) is not None


def _silence_collector() -> None:
    """Remove the callback with which hypothesis times collections.

    It is Python code that would run in the target's threads, and nobody reads what it measures.
    """
    gc.callbacks[:] = [
        each for each in gc.callbacks if not str(each.__module__).startswith("hypothesis.")
    ]


_mend()
_silence_collector()  # after the first draw, which installs it, once for all
