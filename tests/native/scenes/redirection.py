"""Scenes of `test_redirection.py`. Each one redirects calls of the interpreter that plays it."""

import ctypes
import faulthandler
import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from stressor import _shim
from stressor.model.plan import Action, Rule, Until
from tests.native.stage import Stage, load, repeat

type Functions = list[tuple[str, int, list[int]]]

LONG_NS = 900_000_000

ALWAYS = Rule(Action.SLEEP, "kind:redirect", chance=0.01, least_ns=1_000, most_ns=200_000)


def redirect(found: str, *names: str) -> Functions:
    """Redirect all that was found of these names, or of all."""
    faulthandler.cancel_dump_traceback_later()  # its thread; who waits for us has a deadline too
    orders = json.loads(Path(found).read_text())
    functions = [tuple(each) for each in orders["functions"] if not names or each[0] in names]
    why = _shim.redirect(orders["build_id"], functions)
    assert why == "", why
    return functions


def nap(stage: Stage, found: str, times: int) -> object:
    """A thread sleeps, which detaches and attaches it."""
    redirect(found, "_PyThreadState_Detach", "_PyThreadState_Attach")
    stage.open()
    stage.arm(threads=1)
    return stage.run(repeat(time.sleep, times, 0.0001))


def drop(stage: Stage, found: str, times: int) -> object:
    """A thread drops the references that another one made."""
    redirect(found, "_Py_DecRefShared", "_Py_brc_queue_object")
    stage.open()
    stage.arm()
    made: list[object] = [object() for _ in range(times)]
    stage.run(lambda: None, made.clear)
    return None


def wait_for_locks(stage: Stage, found: str) -> object:
    """Locks that are waited for: parking takes six arguments and returns one of three numbers."""
    redirect(found, "_PyParkingLot_Park", "_PyMutex_LockTimed", "PyEvent_WaitTimed")
    stage.open()
    stage.arm(threads=3)
    lock, held, count = threading.Lock(), threading.Lock(), [0]
    held.acquire()

    def add() -> bool:
        for _ in range(300):
            with lock:
                seen = count[0]
                time.sleep(0)
                count[0] = seen + 1
        return held.acquire(timeout=0.01)

    return [stage.run(add, add, add), count[0]]


def keep_errno(stage: Stage, found: str, times: int) -> object:
    """Threads pause wherever they come, also between a failing call and the look at its errno."""
    redirect(found)
    stage.open()
    stage.arm(ALWAYS)

    def fail() -> int:
        wrong = 0
        for _ in range(times):
            try:
                os.open("/there/is/no/such/file", os.O_RDONLY)
            except FileNotFoundError:
                continue
            except OSError:
                wrong += 1
        return wrong

    return stage.run(fail, fail)


class Numbered:
    """Has a number; its subclasses are made and looked up."""

    n = 0

    def get(self) -> int:
        """The class's number."""
        return self.n


def work() -> list[object]:
    """A bit of everything: containers, types, threads, the collector, processes."""
    text = json.dumps({"numbers": list(range(200)), "words": ["a", "b"] * 20})
    data = [json.loads(text) for _ in range(20)]
    words = [re.sub(r"(\d+)", lambda found: found[1] * 2, f"a{n}b{n}") for n in range(100)]
    shared: list[object] = []
    threads = [threading.Thread(target=shared.append, args=([n],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    classes = [type(f"C{n}", (Numbered,), {"n": n}) for n in range(20)]
    gc.collect()
    code = subprocess.run(["true"], check=True).returncode
    child = os.fork()
    if child == 0:
        os._exit(len(json.loads(text)))
    status = os.waitpid(child, 0)[1]
    return [
        len(data),
        data[3] == json.loads(text),
        words[7],
        len(shared),
        sum(each().get() for each in classes),
        code,
        os.waitstatus_to_exitcode(status),
    ]


def work_disarmed(stage: Stage, found: str) -> object:
    """Everything is redirected, and nothing acts."""
    redirect(found)
    stage.open()
    return [work(), work()]


def work_armed(stage: Stage, found: str) -> object:
    """Everything is redirected and armed: two threads do it, with pauses everywhere."""
    redirect(found)
    stage.open()
    stage.arm(ALWAYS)
    done = stage.run(work, work)
    _shim.disarm()
    return done


def collect(stage: Stage, found: str, action: str) -> object:
    """Long pauses, or holds, on both sides of what is done while the world is stopped."""
    redirect(found, "gc_visit_heaps")
    stage.open()
    until = Until(1, "op:target:act", 1) if action == "hold" else None
    least = 0 if until else LONG_NS
    stage.arm(Rule(Action(action), "kind:redirect", least_ns=least, most_ns=LONG_NS, until=until))
    return stage.run(gc.collect)


def die_inside(stage: Stage, found: str) -> object:
    """A destructor crashes, below redirected calls: the last reference goes in a worker."""
    crashers = load("crashers")
    redirect(found)
    stage.open()
    _shim.handle_crashes()
    stage.arm(threads=1)

    class Fatal:
        def __del__(self) -> None:
            crashers.read_nowhere()

    def body() -> None:
        held = [Fatal()]
        held.clear()

    return stage.run(body)


def code_of_interpreter() -> list[str]:
    """The bytes of the code that holds the interpreter, with its access."""
    place = ctypes.cast(ctypes.pythonapi.PyThreadState_GetUnchecked, ctypes.c_void_p).value or 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= place < end:
            with open("/proc/self/mem", "rb") as memory:
                memory.seek(start)
                return [sha256(memory.read(end - start)).hexdigest(), line.split()[1]]
    raise AssertionError("the interpreter is nowhere")


def refuse(stage: Stage, found: str) -> object:
    """What must not be written is not, and what may be is written once."""
    faulthandler.cancel_dump_traceback_later()
    orders = json.loads(Path(found).read_text())
    [build_id, functions] = orders["build_id"], [tuple(each) for each in orders["functions"]]
    name, target, ends = functions[-1]
    wrong: dict[str, Callable[[], str]] = {
        "build id": lambda: _shim.redirect("00" + build_id[2:], functions),
        "no build id": lambda: _shim.redirect("", functions),
        "moved": lambda: _shim.redirect(build_id, with_last(name, target, [*ends, ends[0] + 1])),
        "elsewhere": lambda: _shim.redirect(build_id, with_last(name, target + 16, ends)),
        "far": lambda: _shim.redirect(build_id, with_last(name, target, [1 << 40])),
        "before": lambda: _shim.redirect(build_id, with_last(name, target, [2])),
        "threads": lambda: beside_a_thread(lambda: _shim.redirect(build_id, functions)),
    }

    def with_last(*last: object) -> Functions:
        return [*functions[:-1], tuple(last)]

    before = code_of_interpreter()
    said = {what: attempt() for what, attempt in wrong.items()}
    untouched = code_of_interpreter() == before
    first = _shim.redirect(build_id, functions)
    after = code_of_interpreter()
    again = _shim.redirect(build_id, functions)
    return {
        "said": said,
        "untouched": untouched,
        "first": first,
        "changed": after[0] != before[0],
        "access": [before[1], after[1]],
        "again": again,
    }


def beside_a_thread(attempt: Callable[[], str]) -> str:
    """Attempt it while another thread runs."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        return attempt()
    finally:
        end.set()
        thread.join()


def main(arguments: Sequence[str]) -> None:
    """For an interpreter of another file: redirect, work, and say how it went."""
    redirect(arguments[0])
    print(json.dumps(work()))


if __name__ == "__main__":
    main(sys.argv[1:])
