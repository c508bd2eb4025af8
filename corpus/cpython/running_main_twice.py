"""Two threads that both run the main of one interpreter: CPython 3.13 with free threading.

    python corpus/cpython/running_main_twice.py [SECONDS]

`_PyInterpreterState_SetRunningMain` (Python/pystate.c), by which `_interpreters.exec` and its like keep
others out of an interpreter's `__main__`, loads the mark and then stores it: without the GIL two threads
may both find it unset. The reference implementation `sd-runmain` has this as its defect
`load-then-store`. Here two threads call the function itself, on the interpreter that they run in, whose
mark is taken back first and restored at the end. Needs nothing but the interpreter; exit code 1 when
both were let in.
"""

import ctypes
import sys
import threading
import time

api = ctypes.pythonapi
api.PyInterpreterState_Get.restype = ctypes.c_void_p
api._PyInterpreterState_SetRunningMain.argtypes = [ctypes.c_void_p]
api._PyInterpreterState_SetNotRunningMain.argtypes = [ctypes.c_void_p]


class Race:
    """Two threads that ask at the same time, again and again."""

    def __init__(self, seconds: float) -> None:
        self.interpreter = api.PyInterpreterState_Get()
        self.end = time.monotonic() + seconds
        self.turns = [0, 0]
        self.let_in = [False, False]
        self.both = 0

    def run(self, me: int) -> None:
        """One of the two; the first one counts, and takes the mark back."""
        ask, interpreter = api._PyInterpreterState_SetRunningMain, self.interpreter
        while self.turns[me] >= 0:
            self.meet(me)
            try:
                self.let_in[me] = ask(interpreter) == 0
            except Exception:  # "interpreter already running"
                self.let_in[me] = False
            self.meet(me)
            if me == 0:
                self.both += all(self.let_in)
                api._PyInterpreterState_SetNotRunningMain(interpreter)
                if time.monotonic() > self.end:
                    self.turns = [-1, -1]

    def meet(self, me: int) -> None:
        """Go on when the other one is here, too."""
        turn = self.turns[me] + 1
        self.turns[me] = turn
        while 0 <= self.turns[1 - me] < turn:
            pass


def main() -> int:
    """Race for some seconds and count."""
    race = Race(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    api._PyInterpreterState_SetNotRunningMain(race.interpreter)
    threads = [threading.Thread(target=race.run, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    api._PyInterpreterState_SetRunningMain(race.interpreter)
    print(f"two threads were let in at once {race.both} times")
    return 1 if race.both else 0


if __name__ == "__main__":
    sys.exit(main())
