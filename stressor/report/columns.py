"""Text in columns, one for each thread: cells one below the other, and arrows from column to column."""

import textwrap
from collections.abc import Sequence

CELL_CHARACTERS = 46
GAP = "   "


class Columns:
    """The layout for all cells of a drawing; long cells and those with line ends take several lines."""

    def __init__(
        self, headings: Sequence[str], cells: Sequence[tuple[int, str]], least: int = 0
    ) -> None:
        """`cells` are all that will be drawn, with their column; `least` characters a column has."""
        wrapped = [(column, self._wrapped(text)) for column, text in cells]
        widths = [
            max(
                least,
                len(heading),
                *(len(line) for c, lines in wrapped if c == n for line in lines),
            )
            for n, heading in enumerate(headings)
        ]
        self._offsets = [sum(widths[:n]) + len(GAP) * n for n in range(len(headings))]
        padded = (heading.ljust(width) for heading, width in zip(headings, widths, strict=True))
        self.heading = GAP.join(padded).rstrip()

    def cell(self, column: int, text: str) -> list[str]:
        """The lines of one cell."""
        return [" " * self._offsets[column] + line for line in self._wrapped(text)]

    def arrow(self, source: int, target: int, label: str) -> str:
        """An arrow between two columns; `label` stands at its tail."""
        left, right = sorted((self._offsets[source], self._offsets[target]))
        if source < target:
            tail = f"{label} " if label else ""
            return " " * left + tail + "-" * max(1, right - left - len(tail) - 2) + ">"
        return f"{' ' * left}<{'-' * (right - left - 1)} {label}".rstrip()

    @staticmethod
    def _wrapped(text: str) -> list[str]:
        lines = [line for part in text.split("\n") for line in textwrap.wrap(part, CELL_CHARACTERS)]
        return lines or [""]
