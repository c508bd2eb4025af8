"""Scenes of `test_hazards.py`."""

import gc
import os
import subprocess
import sys
import threading

from stressor import _shim
from stressor.model.plan import Action, Rule
from tests.native.scenes.pauses import SECOND, pause
from tests.native.stage import Stage, load, repeat

SPIN_A_BIT = Rule(Action.SPIN, least_ns=1000, most_ns=3000)


def detach_everywhere(stage: Stage) -> object:
    """A detach is asked for at every site there is."""
    states, callers = load("states"), load("callers")
    stage.open("*states*", "*callers*")
    stage.arm(pause("detach", 1000))

    def body() -> None:
        callers.by_call([1])
        states.yield_attached(5)
        states.yield_detached(5)
        states.keep_errno_dropping()

    stage.run(body, body)
    return None


def reenter(stage: Stage) -> object:
    """Hooks run inside allocators and destructors, whose own calls reach sites again."""
    callers = load("callers")
    stage.open("*callers*")
    stage.arm(Rule(Action.SPIN, least_ns=100, most_ns=300, chance=0.2), hooks=True)
    finished: list[int] = []

    class Nested:
        def __init__(self, depth: int) -> None:
            self.below = Nested(depth - 1) if depth else None

        def __del__(self) -> None:
            finished.append(callers.first_calls([1, [2]]))

    def body() -> None:
        for _ in range(30):
            Nested(5)

    stage.run(body, body)
    _shim.disarm()
    return len(finished)


def fork_and_call(stage: Stage) -> object:
    """A worker forks; its child calls, imports and collects, and must leave no trace."""
    callers = load("callers")
    stage.open("*callers*", "*latecomer*")
    stage.arm(pause("sleep", 1000), threads=1)

    def body() -> int:
        callers.by_call([1])
        pid = os.fork()
        if pid == 0:
            for _ in range(500):
                callers.by_call([1])
            load("latecomer").by_call([1])
            gc.collect()
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    return stage.run(body)[0]


def fork_in_call(stage: Stage) -> object:
    """A call through a slot forks; in its child the wrapper is left, as in the parent."""
    callers = load("callers")
    stage.open("*callers*")
    stage.arm(pause("spin", 1000), threads=1)

    def body() -> int:
        parent = os.getpid()
        pid = callers.call_back(os.fork)
        if os.getpid() != parent:
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    return stage.run(body)[0]


def fork_and_crash(stage: Stage) -> object:
    """The child of a worker's fork crashes; the worker goes on."""
    crashers = load("crashers")
    stage.open("*crashers*")
    _shim.handle_crashes()
    stage.arm(threads=1)

    def body() -> int:
        pid = os.fork()
        if pid == 0:
            crashers.read_nowhere()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return stage.run(body)[0]


def start_processes(stage: Stage) -> object:
    """`subprocess` uses vfork: its child shares our memory until it is another program."""
    stage.open("*_posixsubprocess*", "*select*")
    _shim.handle_crashes()
    stage.arm(SPIN_A_BIT)

    def body() -> list[object]:
        codes: list[object] = []
        for command in ([sys.executable, "-c", ""], ["/nonexistent/program"]) * 3:
            try:
                codes.append(subprocess.run(command, check=False, timeout=60).returncode)
            except OSError as error:
                codes.append(type(error).__name__)
        return codes

    return stage.run(body, body)


def strangers(stage: Stage) -> object:
    """Threads that are no logical threads: one of Python's, one that Python does not know."""
    states = load("states")
    stage.open("*states*")
    stage.arm(pause("sleep", SECOND), threads=1)
    thread = threading.Thread(target=states.yield_attached, args=(100,))
    thread.start()
    thread.join()
    _shim.disarm()
    stage.arm(threads=1)
    states.yield_elsewhere(1000)
    return None


def take_turns(stage: Stage, name: str, times: int) -> object:
    """Condition variables through our wrappers; which of their symbols are covered."""
    states = load(name)
    stage.open(f"{name}.*")
    stage.arm(pause("yield", 0), threads=1)
    stage.run(lambda: states.take_turns(times))
    _shim.disarm()
    slots, _ = _shim.instrument([])
    return [s["symbol"] for s in slots if s["symbol"].startswith("pthread_cond")]


def swap_hooks(stage: Stage, times: int) -> object:
    """Hooks come and go while strangers allocate and destroy: none of them meets a half-set hook."""
    stage.open()
    over = threading.Event()

    def allocate() -> None:
        while not over.is_set():
            for size in range(600, 700):
                dict.fromkeys([bytes(size)])

    threads = [threading.Thread(target=allocate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(times):
        stage.arm(ledger=True, hooks=True)
        _shim.disarm()
    over.set()
    for thread in threads:
        thread.join()
    return None


def leave_daemons(stage: Stage) -> object:
    """The interpreter ends while logical threads are in the middle of pauses."""
    states = load("states")
    stage.open("*states*")
    stage.arm(pause("sleep", 2_000_000), pause("detach", 2_000_000), hooks=True)
    started = threading.Barrier(3)

    def live(number: int) -> None:
        _shim.enter(number)
        started.wait()
        while True:
            states.yield_detached(3)
            states.keep_errno_dropping()

    for number in range(2):
        threading.Thread(target=live, args=(number,), daemon=True).start()
    started.wait()
    return "ending"


def identities(stage: Stage) -> object:
    """Hazard 13: a thread's identity is reused by the next; its logical number is what counts."""
    callers = load("callers")
    stage.open("*callers*")
    stage.arm(Rule(Action.YIELD, thread=1), threads=3)
    idents = []
    for number in (0, 1, 2):

        def live(number: int = number) -> None:
            _shim.enter(number)
            callers.by_call([1])
            _shim.leave()
            idents.append(threading.get_ident())

        thread = threading.Thread(target=live)
        thread.start()
        thread.join()
    return len(idents)


def gil_stays_off(stage: Stage) -> object:
    """Hazard 12: importing and using the shim leaves the GIL off."""
    return [sys._is_gil_enabled(), bool(repeat(lambda: 1, 1)())]
