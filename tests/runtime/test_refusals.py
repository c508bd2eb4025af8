"""Targets that cannot be tested: refused before anything runs in parallel, with a reason."""

import importlib.util

import pytest

from stressor.campaign.host import Host
from stressor.campaign.scratch import Scratch
from stressor.errors import NotTestedError, UsageError
from stressor.model.plan import Allocator
from stressor.model.site import Kind
from tests.runtime.conftest import Stages

pytestmark = [pytest.mark.native, pytest.mark.slow]

WORKS = """
    def SETUP(): return []
    OPS = {"fine": len}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("def SETUP(): raise OSError('no disk')", r"setup\(\) failed: (.|\n)*no disk"),
        ("OPS['bad'] = lambda state: 1 / 0", r"operation 'bad' failed: (.|\n)*ZeroDivisionError"),
        ("def CHECK(state): assert state", r"check\(\) failed: (.|\n)*AssertionError"),
        ("OPS['bad'] = lambda s: ctypes.string_at(1)", r"operation 'bad' was ended by signal 11"),
        (
            "OPS['bad'] = lambda s: os._exit(0)",
            r"operation 'bad' ended the process with exit code 0",
        ),
        (
            "OPS['bad'] = lambda s: os._exit(9)",
            r"operation 'bad' ended the process with exit code 9",
        ),
        (
            "OPS['bad'] = lambda s: exec('raise SystemError(7)')",
            r"operation 'bad' failed: (.|\n)*7",
        ),
        ("OPS.clear()", r"at least one"),
        ("raise ImportError('lib is missing')", r"lib is missing"),
        ("sys.exit(4)", r"SystemExit"),
    ],
)
def test_a_broken_harness_is_refused_and_the_step_is_named(
    stage: Stages, change: str, said: str
) -> None:
    target = stage(f"import ctypes, os, sys\n{WORKS.replace('    ', '')}{change}\n")

    with pytest.raises(UsageError, match=said):
        _ = target.host.hello


def test_a_harness_that_hangs_alone_is_refused(
    stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRESSOR_REHEARSAL_SECONDS", "0.5")
    target = stage("import time\ndef SETUP(): time.sleep(600)\nOPS = {'fine': len}\n")

    with pytest.raises(UsageError, match=r"setup\(\) did not end within 0.5 s"):
        _ = target.host.hello


def test_a_missing_target_is_a_usage_error(scratch: Scratch) -> None:
    host = Host("no/such/target.py", scratch.slot())

    with pytest.raises(UsageError, match=r"no/such/target\.py"):
        _ = host.hello


def test_an_import_that_kills_the_interpreter_is_not_tested(stage: Stages) -> None:
    target = stage("import ctypes\nctypes.string_at(1)\n")

    with pytest.raises(NotTestedError, match=r"signal 11(.|\n)*while it loaded the target"):
        _ = target.host.hello


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("os.fork = None", r"os\.fork was replaced"),
        ("builtins.isinstance = builtins.sorted = None", r"builtins\.isinstance was replaced"),
        ("limit(resource.RLIMIT_NOFILE, 3)", "RLIMIT_NOFILE was lowered to 3"),
        ("limit(resource.RLIMIT_AS, 64 << 20)", "RLIMIT_AS was lowered to 67108864"),
        ("limit(resource.RLIMIT_FSIZE, 0)", "RLIMIT_FSIZE was lowered to 0"),
        ("limit(resource.RLIMIT_FSIZE, 10_000)", "RLIMIT_FSIZE was lowered to 10000"),
    ],
)
def test_what_a_target_takes_from_stressor_is_no_fault_of_stressor(
    stage: Stages, change: str, said: str
) -> None:
    target = stage(
        "import builtins, os, resource\n"
        "def limit(what, most): resource.setrlimit(what, (most, resource.getrlimit(what)[1]))\n"
        f"{WORKS.replace('    ', '')}{change}\n"
    )

    with pytest.raises(NotTestedError, match=rf"target_0\.py: cannot be tested, (.|\n)*{said}"):
        _ = target.host.hello


def test_a_limit_that_only_a_trial_runs_into_is_the_targets(stage: Stages) -> None:
    target = stage(
        """
        import resource, threading
        def SETUP(): return None
        def limit(state):
            if threading.current_thread() is not threading.main_thread():
                _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
        OPS = {"limit": limit}
        """
    )

    with pytest.raises(UsageError, match=r"target_0\.py: (.|\n)*RLIMIT_FSIZE was lowered to 0"):
        target.run("limit")


@pytest.mark.parametrize(
    "change",
    [
        "json.dumps = json.loads = None",
        "json.JSONEncoder = json.encoder.JSONEncoder = None",
        "builtins.open = None",
        "traceback.format_exc = traceback.print_exc = None",
    ],
)
def test_what_stressor_needs_itself_may_be_replaced(stage: Stages, change: str) -> None:
    target = stage(
        f"import builtins, json, json.encoder, traceback\n{WORKS.replace('    ', '')}{change}\n"
    )

    assert target.run("fine", "fine fine").complete


needs_a_module_with_the_gil = pytest.mark.skipif(
    importlib.util.find_spec("pystack") is None,
    reason="pystack's module is the one that turns it on",
)


@needs_a_module_with_the_gil
def test_a_target_that_turns_the_gil_on_is_not_tested(stage: Stages) -> None:
    target = stage("import pystack._pystack\n" + WORKS.replace("    ", ""))

    with pytest.raises(NotTestedError, match=r"'pystack\._pystack'"):
        _ = target.host.hello


@needs_a_module_with_the_gil
def test_an_operation_that_turns_the_gil_on_is_not_tested(stage: Stages) -> None:
    target = stage(
        WORKS.replace("    ", "")
        + "import importlib\nOPS['load'] = lambda s: importlib.import_module('pystack._pystack')\n"
    )

    with pytest.raises(NotTestedError, match=r"'pystack\._pystack'"):
        _ = target.host.hello


@needs_a_module_with_the_gil
def test_the_gil_in_a_trial_is_evidence_with_its_culprit(stage: Stages) -> None:
    target = stage(
        """
        import importlib, threading
        def SETUP(): return None
        def load(state):
            if threading.current_thread() is not threading.main_thread():
                importlib.import_module("pystack._pystack")
        OPS = {"load": load}
        """
    )

    evidence = target.run("load", "load", rounds=5)

    assert evidence.gil_culprit == "pystack._pystack"
    assert evidence.rounds == 1


def test_hello_says_what_the_target_offers(stage: Stages) -> None:
    hello = stage(
        """
        import _csv
        from hypothesis import strategies as st
        from stressor.targets import Target, operation
        class Case(Target):
            def setup(self): return _csv.reader(["1,2"] * 9)
            @operation(times=st.integers(1, 2), weight=3)
            def read(self, reader, times): [next(reader) for _ in range(times)]
            @operation(raises=_csv.Error)
            def line(self, reader): reader.line_num
        """
    ).host.hello

    told = [(each.name, each.has_arguments, each.weight) for each in hello.operations]
    assert told == [("read", True, 3.0), ("line", False, 1.0)]
    assert "free-threading" in hello.interpreter
    covered = {each.module.partition(".")[0]: each for each in hello.modules}
    assert sum(covered["_csv"].slots.values()) > 5
    assert [path.rpartition("/")[2].partition(".")[0] for path in hello.own_modules] == ["_csv"]
    visited = {(site.kind, site.module) for site in hello.sites if site.visits}
    assert (Kind.CALL, "_csv") in visited
    assert (Kind.OP, "target") in visited


def test_the_debug_allocator_is_on_where_the_plan_says(stage: Stages, scratch: Scratch) -> None:
    target = stage(
        """
        import os
        def SETUP(): return None
        def CHECK(state): assert (os.environ.get("PYTHONMALLOC") == "debug") is DEBUG
        OPS = {"fine": id}
        DEBUG = False
        """
    )
    _ = target.host.hello
    target.file.write_text(target.file.read_text().replace("DEBUG = False", "DEBUG = True"))

    with Host(str(target.file), scratch.slot(), allocator=Allocator.DEBUG) as host:
        _ = host.hello


def test_a_target_that_ignores_the_ends_of_children_is_no_fault(stage: Stages) -> None:
    target = stage(
        "import signal\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "def SETUP(): return []\n"
        "OPS = {'fine': len}\n"
    )

    assert [each.name for each in target.host.hello.operations] == ["fine"]
