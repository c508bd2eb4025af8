"""What a randomized scheduler guarantees, as numbers for the report.

Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs", ASPLOS 2010. The scheduler itself is `native/src/scheduler_pct.c`.
"""


def pct_bound(threads: int, steps: int, depth: int) -> float:
    """Least chance that one PCT schedule shows a bug of this depth, 0 to 1.

    `steps` is the most choices that a schedule has, `depth` the number of ordering constraints that
    suffice for the bug. Holds for programs that do not yield. A chance too small for a float is 0.
    Raises `ValueError` when a number is less than 1.
    """
    for name, number in (("threads", threads), ("steps", steps), ("depth", depth)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    schedules: int = threads * steps ** (depth - 1)
    return 1 / schedules
