"""An interned string that is not immortal, although all are: CPython 3.13 with free threading.

    python corpus/cpython/interned_not_immortal.py [SECONDS]

`intern_common` (Objects/unicodeobject.c) makes a string immortal by three plain stores, whichever
thread owns it and whoever counts it meanwhile: the world is not stopped. The owner's increment loads
the count, sees no mark, and stores an old count over the one that came in between. The string is then in
the table of interned strings, which holds no reference of its own, and is counted from a wrong number.
Found by the reference implementation `rc-immortal` (defect `world-not-stopped`). Needs nothing but the
interpreter; exit code 1 when a string lost its mark.
"""

import sys
import threading
import time

IMMORTAL = (1 << 32) - 1
"""What `sys.getrefcount` tells of an immortal object."""


class Race:
    """A thread counts a string that it made; another one interns it."""

    def __init__(self) -> None:
        self.made = threading.Event()
        self.over = False
        self.string = ""

    def count(self) -> None:
        """Make the string and count it, up and down."""
        self.string = string = f"stressor's {time.monotonic_ns()}"
        self.made.set()
        places: list[str | None] = [None]
        while not self.over:
            places[0] = string
            places[0] = None

    def intern(self) -> bool:
        """Whether the string is immortal afterwards."""
        owner = threading.Thread(target=self.count)
        owner.start()
        self.made.wait()
        sys.intern(self.string)
        self.over = True
        owner.join()
        return sys.getrefcount(self.string) == IMMORTAL


def main() -> int:
    """Race for some seconds, 10 if nothing is said."""
    end = time.monotonic() + (float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    races = []
    strings = 0
    lost = 0
    while time.monotonic() < end:
        race = Race()
        races.append(race)  # kept: what is wrongly counted should not die here
        strings += 1
        lost += not race.intern()
    print(f"{lost} of {strings} interned strings are not immortal")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
