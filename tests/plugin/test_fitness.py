"""Which tests may run in many threads, and the reason that is told for the others."""

import pytest
from pytest_stressor.suite.fitness import unfit
from pytest_stressor.suite.runner import own_arguments

SUITE = """
    import os, random, warnings
    from unittest import mock
    import pytest

    def test_plain(tmp_path): pass
    def test_patch_of_ours(): Client().patch("/")
    class Client:
        def patch(self, where): pass

    def test_output(capsys): pass
    def test_patches(monkeypatch): pass
    def test_warns():
        with pytest.warns(UserWarning): warnings.warn("x")
    def test_seed(): random.seed(1)
    def test_far_seed(): deep()
    def deep(): deeper()
    def deeper(): random.seed(2)
    def test_environment(): os.environ["A"] = "b"
    def test_environment_too(): os.environ.pop("A", None)
    @mock.patch("os.getcwd")
    def test_mock(getcwd): pass
    @pytest.mark.not_thread_safe(reason="a global table")
    def test_marked(): pass
    @pytest.mark.thread_unsafe
    def test_marked_too(): pass
    @pytest.mark.parallel_threads(1)
    def test_one(): pass
    @pytest.mark.xfail
    def test_expected(): assert False
    async def test_async(): pass
"""

REASONS = {
    "test_plain": "",
    "test_patch_of_ours": "",
    "test_output": "fixture capsys: threads would share output",
    "test_patches": "fixture monkeypatch: threads would share what it patches",
    "test_warns": "pytest.warns changes the warning filters",
    "test_seed": "random.seed sets a global seed",
    "test_far_seed": "random.seed sets a global seed",
    "test_environment": "os.environ is changed",
    "test_environment_too": "os.environ.pop changes the environment",
    "test_mock": "mock.patch patches what others use",
    "test_marked": "marked not_thread_safe: a global table",
    "test_marked_too": "marked thread_unsafe",
    "test_one": "marked parallel_threads(1)",
    "test_expected": "marked xfail",
    "test_async": "async",
}


class Catch:
    """A plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items += items


def test_each_has_its_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    catch = Catch()
    # Two of the marks are of another plugin.
    quiet = ("-W", "ignore::pytest.PytestUnknownMarkWarning")
    pytester.inline_run("-p", "pytest_stressor", "--collect-only", *quiet, plugins=[catch])
    assert {item.name: unfit(item) for item in catch.items} == REASONS


def test_the_fork_server_gets_what_says_which_tests_there_are() -> None:
    given = "tests -n 2 -k some --stressor --stressor-seed 3 -x --durations=3 --runslow -p no:x"
    assert own_arguments(given.split()) == ["tests", "-k", "some", "--runslow"]
