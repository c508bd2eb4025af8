"""`pytest --stressor` as its user sees it, on suites with real processes."""

import pytest

from tests.plugin.conftest import Sessions

pytestmark = [pytest.mark.native, pytest.mark.slow]

QUICK = ("--stressor", "--stressor-minimize=0", "--stressor-rounds=8", "--stressor-allow-nothing")

SUITE = """
    import ctypes, os, threading
    import pytest

    def test_first():
        assert threading.active_count() > 4

    def test_crashes():
        if threading.active_count() > 2:
            ctypes.string_at(0)

    def test_leaves():
        if threading.active_count() > 2:
            os._exit(3)

    class TestMany:
        @pytest.mark.stressor(threads=2)
        def test_two(self):
            assert threading.active_count() == 3

        def test_prints(self, capsys):
            assert threading.current_thread() is threading.main_thread()

    @pytest.mark.skip(reason="not now")
    def test_skipped():
        raise ValueError

    def test_last():
        pass
"""


def test_a_crash_is_one_failed_test(sessions: Sessions) -> None:
    sessions.pytester.makepyfile(SUITE)
    result = sessions.apart(*QUICK, "-rs")
    result.assert_outcomes(passed=4, failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*crash in _ctypes:string_at*",
            "stressor replay *",
            "*= stressor =*",
            "5 tests in 4 threads, * --stressor-seed=*",
            "FAILED *::test_crashes: crash in _ctypes:string_at*",
            "FAILED *::test_leaves: crash in op *exit code 3*",
            "one thread: *test_prints: fixture capsys: threads would share output",
        ]
    )


def test_a_known_failure_comes_first_and_a_fixed_one_is_told(sessions: Sessions) -> None:
    file = sessions.pytester.makepyfile(SUITE)
    sessions.apart(*QUICK, "-k", "crashes").assert_outcomes(failed=1)
    again = sessions.apart(*QUICK, "--stressor-replay=only")
    again.assert_outcomes(failed=1, deselected=6)
    again.stdout.fnmatch_lines(["*known failure: crash in _ctypes:string_at*"])
    file.write_text(file.read_text().replace("ctypes.string_at(0)", "pass"))
    fixed = sessions.apart(*QUICK, "--stressor-replay=only")
    fixed.assert_outcomes(passed=1, deselected=6)
    fixed.stdout.fnmatch_lines(["FIXED *::test_crashes: crash in _ctypes:string_at*"])


def test_workers_share_the_work(sessions: Sessions) -> None:
    sessions.pytester.makepyfile(SUITE)
    result = sessions.apart(*QUICK, "-n", "2")
    result.assert_outcomes(passed=4, failed=2, skipped=1)
    result.stdout.fnmatch_lines(["5 tests in 4 threads, *"])


def test_silence_is_no_success(sessions: Sessions) -> None:
    sessions.pytester.makepyfile("def test_nothing(): pass")
    result = sessions.apart("--stressor", "--stressor-rounds=2", "--stressor-modules=*/none.so")
    assert result.ret == 5
    result.stdout.fnmatch_lines(["NOTHING TESTED: *"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--stressor-threads=0"], "--stressor-threads: must be a number from 2 to 64, not '0'"),
        (["--stressor-mode=fast"], "--stressor-mode: must be perturbed or controlled, not 'fast'"),
        (["--stressor-strategy=wal"], "--stressor-strategy: there is no strategy 'wal'"),
        (["--stressor-deadline=nan"], "--stressor-deadline: must be 0.1 to 86400 seconds"),
    ],
)
def test_bad_options(arguments: list[str], says: str, sessions: Sessions) -> None:
    sessions.pytester.makepyfile(SUITE)
    result = sessions.apart("--stressor", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{says}*"])


def test_a_misspelt_marker(sessions: Sessions) -> None:
    sessions.pytester.makepyfile(SUITE.replace("threads=2", "thread=2"))
    result = sessions.apart(*QUICK)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*has no argument 'thread'; did you mean threads?*"])
