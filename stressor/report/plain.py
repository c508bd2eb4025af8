"""Text of strangers made harmless: what a terminal could take for a command is spelled out.

Names, messages and tracebacks come from the target or from somebody's corpus file. All that is not
printable by Unicode's rules is escaped: control characters of both sets, marks that reverse the
direction of text, broken surrogates. Markup of `rich` is no danger: only `Text` is printed.
"""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

TAB = "    "
HEADING = "bold"


def plain(text: str) -> str:
    """One line that shows every character that it has."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def plain_lines(text: str) -> list[str]:
    """Keep the lines of a text as they are, each made plain."""
    return [plain(line.replace("\t", TAB)) for line in text.rstrip("\n").split("\n")]


def indented(lines: Iterable[str]) -> list[str]:
    """Put lines under a heading."""
    return [f"  {line}" for line in lines]


class Page:
    """Lines of a report, in sections; empty sections are left out."""

    def __init__(self) -> None:
        self._text = Text()

    def line(self, text: str, style: str = "") -> None:
        """Add a line. It must be plain already."""
        self._text.append(f"{text}\n", style)

    def section(self, heading: str, lines: Iterable[str]) -> None:
        """Add a heading and the lines under it, after an empty line, if there are any."""
        found = list(lines)
        if found:
            self.line("")
            self.line(heading, HEADING)
            for text in indented(found):
                self.line(text)

    def finish(self) -> Text:
        """Return it all, without the last line's end: printing adds one."""
        self._text.rstrip()
        self._text.no_wrap, self._text.overflow = True, "ignore"
        return self._text


def show(console: Console, text: Text) -> None:
    """Print a report: long lines stay lines, and what the terminal cannot show is escaped."""
    try:
        text.plain.encode(console.encoding)
    except UnicodeEncodeError:
        text = Text(
            text.plain.encode(console.encoding, "backslashreplace").decode(console.encoding)
        )
    console.print(text, soft_wrap=True)


def _escaped(sign: str) -> str:
    number = ord(sign)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
