"""Targets that do what a racing C extension may do to its process, and worse.

Whatever a child does, its host answers with evidence that says so, the next trial works, nothing of
the child is left, and it never looks like a pass.
"""

import signal

import psutil
import pytest

from stressor.campaign import watch
from stressor.campaign.forkserver import MARK
from stressor.campaign.host import HostError
from stressor.model.evidence import CallStatus, End, Ending
from stressor.model.outcome import Verdict
from stressor.model.plan import Limits
from stressor.oracles import judge
from tests.runtime.conftest import QUICK, Stage, Stages

pytestmark = [pytest.mark.native, pytest.mark.slow]

# Operations behave in the rehearsal, which runs them in the main thread.
HOSTILE = """
    import ctypes, os, signal, subprocess, sys, threading, time
    MAIN = threading.main_thread()
    def SETUP(): return [threading.Lock(), threading.Lock()]
    def racing(function):
        def run(state):
            if threading.current_thread() is not MAIN: function(state)
        return run
    OPS = {"calm": lambda state: None}
    def operation(function):
        OPS[function.__name__] = racing(function)

    @operation
    def leave(state): os._exit(0)
    @operation
    def leave_with_3(state): os._exit(3)
    @operation
    def execute(state): os.execv("/bin/true", ["true"])
    @operation
    def crash(state): ctypes.string_at(1)
    @operation
    def abort(state): os.abort()
    @operation
    def interrupt(state): os.kill(os.getpid(), signal.SIGINT)
    @operation
    def kill_group(state): os.killpg(0, signal.SIGKILL)
    @operation
    def kill_parent(state): os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)
    @operation
    def interrupt_parent(state): os.kill(os.getppid(), signal.SIGINT)
    @operation
    def stop(state): os.kill(os.getpid(), signal.SIGSTOP)
    @operation
    def stop_parent(state): os.kill(os.getppid(), signal.SIGSTOP)
    @operation
    def close_everything(state): os.closerange(0, 1 << 16)
    @operation
    def shout(state):
        for _ in range(4000): os.write(2, b"\\xff\\x1b[31m" + b"#" * 6000)
    @operation
    def shout_on_stdout(state): print('{"ended": 0}', flush=True)
    @operation
    def spin(state):
        while True: pass
    @operation
    def wait(state): threading.Event().wait()
    @operation
    def left(state):
        with state[0]: time.sleep(0.05); state[1].acquire()
    @operation
    def right(state):
        with state[1]: time.sleep(0.05); state[0].acquire()
    @operation
    def hoard(state): state.append(bytearray(b"x" * (600 << 20))); time.sleep(600)
    @operation
    def leave_a_thread(state): threading.Thread(target=time.sleep, args=(600,)).start()
    @operation
    def fork(state):
        for _ in range(10):
            if os.fork() == 0: time.sleep(600)
    @operation
    def daemonize(state):
        for _ in range(5):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0: time.sleep(600)
                os._exit(0)
    @operation
    def daemonize_and_hang(state): OPS["daemonize"](state); threading.Event().wait()
    @operation
    def daemonize_and_kill_parent(state): OPS["daemonize"](state); OPS["kill_parent"](state)
    @operation
    def exit(state): sys.exit(0)
    @operation
    def exit_thread(state): import _thread; _thread.exit()
    @operation
    def endless_message(state): raise ValueError("x" * 10_000_000)
    @operation
    def unprintable(state):
        class Bad(Exception):
            def __str__(self): raise RuntimeError("no text")
        raise Bad
"""


@pytest.fixture
def hostile(stage: Stages) -> Stage:
    """The target above."""
    return stage(HOSTILE)


def family(target: Stage) -> list[psutil.Process]:
    """All living processes that the host's fork server started, itself among them."""
    server = target.host._server
    assert server is not None
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == server._mark and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def assert_alone_and_well(target: Stage) -> None:
    """The host works, and of all trials nothing is left."""
    assert judge(target.run("calm", "calm")).verdict is Verdict.PASSED
    assert len(family(target)) == 1


@pytest.mark.parametrize(
    ("op", "ending"),
    [
        ("leave", Ending(End.EXITED, 0)),
        ("leave_with_3", Ending(End.EXITED, 3)),
        ("execute", Ending(End.EXITED, 0)),
        ("crash", Ending(End.SIGNALLED, signal.SIGSEGV)),
        ("abort", Ending(End.SIGNALLED, signal.SIGABRT)),
        ("interrupt", Ending(End.SIGNALLED, signal.SIGINT)),
        ("kill_group", Ending(End.SIGNALLED, signal.SIGKILL)),
        ("kill_parent", Ending(End.LOST)),
        ("daemonize_and_kill_parent", Ending(End.LOST)),
    ],
)
def test_an_early_end_is_never_a_pass(hostile: Stage, op: str, ending: Ending) -> None:
    evidence = hostile.run(f"calm {op} calm", "calm")

    assert evidence.ending == ending
    assert not evidence.complete
    assert judge(evidence).verdict in {Verdict.FAILED, Verdict.UNKNOWN}
    assert evidence.calls[0][0].status is CallStatus.RETURNED
    assert evidence.calls[0][1].status is CallStatus.UNFINISHED
    assert evidence.calls[0][2].status is CallStatus.NOT_STARTED
    assert evidence.calls[0][1].shown == f"{op}()"
    assert_alone_and_well(hostile)


def test_an_end_after_all_calls_is_no_pass_either(stage: Stages) -> None:
    target = stage(
        """
        import os
        checks = 0
        def SETUP(): return None
        def calm(state): pass
        def CHECK(state):
            global checks
            checks += 1
            if checks == 2: os._exit(0)
        OPS = {"calm": calm}
        """
    )

    evidence = target.run("calm", "calm", rounds=5)

    assert evidence.ending == Ending(End.EXITED, 0)
    assert not evidence.complete
    assert judge(evidence).verdict is not Verdict.PASSED


def test_a_crash_has_signal_thread_and_frames(hostile: Stage) -> None:
    crash = hostile.run("calm", "calm crash").crash

    assert crash is not None
    assert (crash.signal, crash.thread, crash.address) == (signal.SIGSEGV, 1, 1)
    assert any(frame.module.startswith("_ctypes") for frame in crash.frames)


@pytest.mark.parametrize(
    "ops", [("left", "right"), ("wait", "calm"), ("daemonize_and_hang", "calm")]
)
def test_a_child_that_waits_for_ever_is_stuck_and_says_where(
    hostile: Stage, ops: tuple[str, str]
) -> None:
    evidence = hostile.run(*ops, limits=QUICK)

    assert evidence.ending == Ending(End.STUCK)
    assert judge(evidence).verdict is Verdict.FAILED
    assert "target_0.py" in evidence.stacks
    assert_alone_and_well(hostile)


def test_without_a_debugger_faulthandler_tells_where(
    hostile: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "OUTSIDERS", ())

    evidence = hostile.run("wait", "calm", limits=QUICK)

    assert evidence.stacks.startswith("stacks by faulthandler:")
    assert 'target_0.py"' in evidence.stacks


def test_a_stopped_child_is_given_up_and_proves_nothing(hostile: Stage) -> None:
    evidence = hostile.run("stop", "calm", limits=QUICK)

    # Whoever stopped it may continue it: a freezer, or somebody at a terminal.
    assert evidence.ending == Ending(End.SLOW)
    assert judge(evidence).verdict is Verdict.UNKNOWN
    assert_alone_and_well(hostile)


def test_a_busy_loop_is_spinning(hostile: Stage) -> None:
    evidence = hostile.run("spin", "calm", limits=QUICK)

    assert evidence.ending == Ending(End.SPINNING)
    assert judge(evidence).verdict is Verdict.FAILED
    assert "target_0.py" in evidence.stacks
    assert_alone_and_well(hostile)


def test_a_stopped_server_is_replaced(hostile: Stage) -> None:
    evidence = hostile.run("stop_parent", "calm", limits=QUICK)

    assert evidence.ending == Ending(End.LOST)
    assert_alone_and_well(hostile)


def test_memory_has_a_ceiling(hostile: Stage) -> None:
    evidence = hostile.run("hoard", "calm", limits=Limits(seconds=60.0, memory_mb=300))

    assert evidence.ending == Ending(End.MEMORY)
    assert judge(evidence).verdict is Verdict.UNKNOWN
    assert_alone_and_well(hostile)


@pytest.mark.parametrize(
    "op",
    [
        "close_everything",
        "shout",
        "shout_on_stdout",
        "interrupt_parent",
        "leave_a_thread",
        "fork",
        "daemonize",
    ],
)
def test_what_harms_nobody_passes_and_leaves_nothing(hostile: Stage, op: str) -> None:
    evidence = hostile.run(op, "calm")

    assert evidence.complete
    assert evidence.ending == Ending(End.EXITED)
    assert_alone_and_well(hostile)


def test_endless_output_is_cut_and_made_printable(hostile: Stage) -> None:
    evidence = hostile.run("shout leave", "calm")

    assert 10_000 < len(evidence.stderr) < 20_000
    assert "\\x1b[31m" in evidence.stderr
    assert "\x1b" not in evidence.stderr


@pytest.mark.parametrize(
    ("op", "kind", "start"),
    [
        ("exit", "SystemExit", "0"),
        ("exit_thread", "SystemExit", ""),
        ("endless_message", "ValueError", "xxx"),
        ("unprintable", "Bad", "<its message raised RuntimeError>"),
    ],
)
def test_odd_exceptions_are_kept(hostile: Stage, op: str, kind: str, start: str) -> None:
    evidence = hostile.run(op, "calm")

    raised = evidence.calls[0][0].raised
    assert raised is not None
    assert raised.type.rpartition(".")[2] == kind
    assert raised.message.startswith(start)
    assert len(raised.message) < 10_000
    assert evidence.fault is None
    assert_alone_and_well(hostile)


def test_a_target_that_kills_every_server_ends_in_a_clear_error(hostile: Stage) -> None:
    for _ in range(4):
        assert hostile.run("kill_parent").ending == Ending(End.LOST)

    with pytest.raises(HostError, match="died 5 times in a row"):
        hostile.run("kill_parent")


def test_nothing_is_left_when_the_host_is_closed(hostile: Stage) -> None:
    hostile.run("calm")
    server = hostile.host._server
    assert server is not None

    hostile.host.close()

    assert not psutil.pid_exists(server.pid)
