"""What may be said of controlled schedules: which were tried, and how far the control goes.

Decides the words of a claim, and makes none that the search behind it did not earn: a schedule here
is an order of the visits of sites, sleep sets leave some out on an assumption, and a search that was
cut short has tried what it has tried.
"""

from collections.abc import Iterator, Sequence

from attrs import frozen

from stressor.report.plain import plain


@frozen
class Covered:
    """One program of an exhaustive search: the operations of each thread, and how many of its
    schedules were tried.

    `bound` is said as "at most 2 preemptions". `all`: those were all within it, up to the order of
    calls on different objects when `sleep_sets` were used. `reason` is why that cannot be said
    although the search has ended. `calls` is the program with its arguments, empty if not known.
    """

    program: Sequence[Sequence[str]]
    bound: str
    sleep_sets: bool
    schedules: int
    all: bool
    reason: str = ""
    calls: Sequence[Sequence[str]] = ()

    @property
    def takes_arguments(self) -> bool:
        """Whether any call has arguments, as far as that is known."""
        return any(not text.endswith("()") for texts in self.calls for text in texts)


def double_check_line(astray: int, twice: int) -> str:
    """The rate of nondeterminism that the turnstile did not control."""
    return (
        f"{astray} of {twice} controlled trials went another way when carried out again "
        f"({100 * astray / twice:.2g} %)"
    )


def coverage_lines(covered: Sequence[Covered]) -> Iterator[str]:
    """One claim for all programs whose schedules were all tried, a line for each other."""
    whole = [each for each in covered if each.all]
    if whole:
        schedules = sum(each.schedules for each in whole)
        yield (
            f"all {schedules} schedules with {whole[0].bound} of {_programs(len(whole))} were tried"
            f"{_EXCEPT if whole[0].sleep_sets else ''}"
        )
        if any(each.takes_arguments for each in whole):
            yield "each program had one choice of arguments; another --seed chooses others"
    for each in covered:
        if not each.all:
            why = each.reason or "it was not finished"
            program = plain(program_text(each.calls or each.program))
            yield (
                f"{program}: {each.schedules} schedules with {each.bound} were tried, not all: {why}"
            )


_EXCEPT = (
    ", but for those that only exchange calls on different objects, as far as that can be seen, and "
    "for what the bound hides behind such an exchange"
)


def left_line(calls: int, programs: int) -> str:
    """What the time was not enough for."""
    return f"{_programs(programs)} of {calls} calls, and all longer ones, were not begun"


def program_text(program: Sequence[Sequence[str]]) -> str:
    """The operations of each thread: "get, put | get"."""
    return " | ".join(", ".join(calls) for calls in program)


def _programs(count: int) -> str:
    return "one program" if count == 1 else f"{count} programs"
