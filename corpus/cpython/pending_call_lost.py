"""A pending call for the main thread that is never run: CPython 3.13 with free threading.

    python corpus/cpython/pending_call_lost.py [SECONDS]

`make_pending_calls` (Python/ceval_gil.c) of another thread takes the "calls to do" bit away from all
threads, the main one included, to run an interpreter-wide call; the main thread's own ring of calls is
then not empty, and nobody gives its bit back. So an interpreter-wide call beside one for the main thread
can lose the latter until something else sets the bit. Found by the reference implementation `ts-pending`
(defect `main-bit-not-returned`). Needs nothing but the interpreter; exit code 1 when calls were lost.
"""

import ctypes
import sys
import threading
import time

LATE_SECONDS = 2.0

api = ctypes.pythonapi
CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
api.PyInterpreterState_Get.restype = ctypes.c_void_p
api._PyEval_AddPendingCall.argtypes = [ctypes.c_void_p, CALL, ctypes.c_void_p, ctypes.c_int]
api.Py_AddPendingCall.argtypes = [CALL, ctypes.c_void_p]


class Race:
    """One thread adds pairs of calls; it, another one and the main thread run what they find."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.over = False
        self.ran = self.sent = self.lost = 0
        self._on_main, self._on_any = CALL(self._count), CALL(lambda _: 0)
        self._interpreter = api.PyInterpreterState_Get()

    def _count(self, _: object) -> int:
        self.ran += 1
        return 0

    def add(self) -> None:
        """Add pairs, and wait for the main thread's call of each."""
        while time.monotonic() < self.end:
            before = self.ran
            self.sent += 1
            api._PyEval_AddPendingCall(self._interpreter, self._on_any, None, 0)
            api.Py_AddPendingCall(self._on_main, None)
            if not self._comes(before):
                self.lost += 1
                api.Py_AddPendingCall(self._on_main, None)  # sets the bit again: both run now
                self._comes(before)
        self.over = True

    def _comes(self, before: int) -> bool:
        end = time.monotonic() + LATE_SECONDS
        while self.ran == before and time.monotonic() < end:
            time.sleep(0.0005)
        return self.ran != before

    def spin(self) -> None:
        """Run bytecode, which is when pending calls are looked for."""
        while not self.over:
            pass


def main() -> int:
    """Race for some seconds and count."""
    race = Race(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
    threads = [threading.Thread(target=race.spin), threading.Thread(target=race.add)]
    for thread in threads:
        thread.start()
    race.spin()
    for thread in threads:
        thread.join()
    print(f"{race.sent} calls for the main thread, {race.lost} not run within {LATE_SECONDS:g} s")
    return 1 if race.lost else 0


if __name__ == "__main__":
    sys.exit(main())
