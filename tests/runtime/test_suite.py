"""A pytest suite as a target: what becomes of each kind of test, in a child."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stressor.campaign.host import Host
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.campaign.suite import Suite, Wants, skip_of
from stressor.errors import UsageError
from stressor.model.outcome import Verdict
from stressor.model.plan import Allocator, Call, Plan
from stressor.model.trial import Trial
from stressor.oracles import judge
from stressor.targets.suite import suite_of

pytestmark = pytest.mark.slow

type RunTest = Callable[[str], Trial]

SUITE = """
    import threading, unittest
    import pytest
    from hypothesis import given, strategies as st

    made = []

    @pytest.fixture(scope="module")
    def wide():
        made.append("wide")
        return made

    @pytest.fixture
    def fresh(wide):
        wide.append("fresh")
        yield wide
        wide.append("down")

    def test_set_up_once_a_round(fresh):
        # Three rounds: what is of the module is made once, the rest for each round.
        rounds = (len(made) - 1 + 1) // 2
        assert made == ["wide", *["fresh", "down"] * (rounds - 1), "fresh"]
        assert threading.active_count() > 2

    @pytest.mark.parametrize("number", [1, 2])
    class TestClass:
        def test_both(self, number, fresh):
            assert number in (1, 2)

    class TestUnit(unittest.TestCase):
        def setUp(self):
            self.ready = True

        def test_ready(self):
            assert self.ready

        @unittest.skip("not today")
        def test_skipped(self):
            raise ValueError

    @given(st.integers(3, 5), st.just(None))
    def test_given(first, second):
        assert 3 <= first <= 5 and second is None

    def test_own_folder(tmp_path):
        file = tmp_path / "file"
        file.write_text("x")
        assert [each.name for each in tmp_path.iterdir()] == ["file"]
        file.unlink()

    @pytest.fixture
    def unwilling():
        pytest.skip("no such device")

    def test_skipped_by_fixture(unwilling):
        raise ValueError

    def test_skips():
        pytest.skip("inside")

    def test_wrong():
        raise LookupError("wrong")

    async def test_async():
        pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """The suite as a target."""
    file = tmp_path / "test_them.py"
    file.write_text(textwrap.dedent(SUITE), encoding="utf-8")
    return suite_of(["--rootdir", str(tmp_path), str(file)])


@pytest.fixture
def host(suite: str) -> Iterator[Host]:
    scratch = Scratch()
    try:
        with Host(suite, scratch.slot()) as host:
            yield host
    finally:
        scratch.close()


@pytest.fixture
def run_test(suite: str, host: Host) -> RunTest:
    def run(name: str) -> Trial:
        (operation,) = [each for each in host.hello.operations if each.name.endswith(f"::{name}")]
        call = Call(operation.name, "5f3a9c17" * 8 if operation.has_arguments else "")
        plan = Plan(suite, ((call,),) * 3, seed=1, rounds=3)
        evidence = host.run(plan)
        return Trial(plan, evidence, judge(evidence))

    return run


@pytest.mark.parametrize(
    "name",
    [
        "test_set_up_once_a_round",
        "TestClass::test_both[1]",
        "TestUnit::test_ready",
        "test_given",
        "test_own_folder",
    ],
)
def test_passes_in_three_threads(name: str, run_test: RunTest) -> None:
    trial = run_test(name)
    assert trial.outcome.verdict is Verdict.PASSED, trial.outcome
    assert trial.evidence.rounds == 3
    assert not skip_of(trial)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test_skipped_by_fixture", "no such device"),
        ("test_skips", "skipped inside the test, by every thread"),
        ("TestUnit::test_skipped", "not today"),
    ],
)
def test_skips_are_told(name: str, reason: str, run_test: RunTest) -> None:
    assert skip_of(run_test(name)) == reason


def test_what_fails_alone_is_told_apart(suite: str, host: Host) -> None:
    def carry_out(plan: Plan) -> Trial:
        evidence = host.run(plan)
        return Trial(plan, evidence, judge(evidence))

    stresses = Suite(suite, carry_out)
    settings = Settings(suite, seed=1, allocators=(Allocator.DEFAULT,))
    stressed = stresses.stress(Wants("test_them.py::test_wrong", 2, 4, settings))
    assert stressed.alone
    assert stressed.failing is not None
    assert "LookupError" in str(stressed.failing.outcome.signature)
    assert not stresses.stress(Wants("test_them.py::test_own_folder", 2, 4, settings)).failing


def test_what_cannot_be_collected_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name", encoding="utf-8")
    target = suite_of(["--rootdir", str(tmp_path), str(tmp_path)])
    scratch = Scratch()
    try:
        with Host(target, scratch.slot()) as host, pytest.raises(UsageError) as caught:
            _ = host.hello
    finally:
        scratch.close()
    assert "nothing_of_that_name" in caught.value.message
