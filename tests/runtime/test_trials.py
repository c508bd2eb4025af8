"""What a trial does and what its evidence says, with targets that behave and ones that raise."""

import pytest

from stressor.errors import UsageError
from stressor.model.evidence import CallStatus, End, Ending
from stressor.model.outcome import Verdict
from stressor.oracles import judge
from tests.runtime.conftest import Stages

pytestmark = [pytest.mark.native, pytest.mark.slow]

LIST = """
    def SETUP(): return []
    def add(state): state.append(1)
    def drop(state):
        if state: del state[-1:]
    OPS = {"add": add, "drop": drop}
"""


def test_a_good_target_passes_with_every_call_returned(stage: Stages) -> None:
    evidence = stage(LIST).run("add add drop", "drop add", rounds=20)

    assert evidence.ending == Ending(End.EXITED)
    assert evidence.complete
    assert evidence.rounds == 20
    assert [[call.op for call in calls] for calls in evidence.calls] == [
        ["add", "add", "drop"],
        ["drop", "add"],
    ]
    assert {call.status for calls in evidence.calls for call in calls} == {CallStatus.RETURNED}
    assert {site.key for site in evidence.sites} >= {"op:target:add", "op:target:drop"}
    assert judge(evidence).verdict is Verdict.PASSED


def test_one_host_carries_out_one_plan_after_the_other(stage: Stages) -> None:
    target = stage(LIST)

    assert [target.run("add", "drop", seed=seed).complete for seed in range(5)] == [True] * 5


def test_state_is_fresh_in_every_round_and_check_sees_it(stage: Stages) -> None:
    evidence = stage(
        """
        def SETUP(): return []
        def add(state): state.append(1)
        def CHECK(state): assert len(state) in (2, 3), len(state)  # 2 alone, 3 in a trial
        OPS = {"add": add}
        """
    ).run("add", "add add", rounds=30)

    assert evidence.check is None
    assert evidence.rounds == 30


def test_rounds_stop_at_the_first_that_fails(stage: Stages) -> None:
    evidence = stage(
        """
        import threading
        rounds = 0
        def SETUP():
            global rounds
            rounds += 1
            return rounds
        def fine(state): pass
        def late(state):
            if state == 4: raise ValueError("the fourth")
        OPS = {"fine": fine, "late": late}
        """
    ).run("fine late fine", "fine", rounds=10)

    assert evidence.rounds == 4  # the rehearsal's was in another process
    call = evidence.calls[0][1]
    assert call.status is CallStatus.RAISED
    assert call.raised is not None
    assert (call.raised.type, call.raised.message) == ("ValueError", "the fourth")
    assert call.raised.where == "target_0.py:late"
    assert "the fourth" in call.raised.traceback
    assert call.shown == "late()"
    assert evidence.calls[0][2].status is CallStatus.RETURNED  # the others go on
    assert any(event.site == "op:target:late" for event in evidence.events[0])


def test_every_exception_of_every_thread_is_kept(stage: Stages) -> None:
    evidence = stage(
        """
        import threading
        def SETUP(): return threading.get_ident()
        def bad(state):
            if threading.get_ident() != state: raise KeyError("bad")
        OPS = {"bad": bad}
        """
    ).run("bad bad", "bad")

    raised = [[call.raised for call in calls] for calls in evidence.calls]
    assert [[each.type for each in calls if each] for calls in raised] == [
        ["KeyError", "KeyError"],
        ["KeyError"],
    ]


def test_declared_exceptions_are_legal_but_system_errors_never(stage: Stages) -> None:
    target = stage(
        """
        import threading
        from stressor.targets import Target, operation
        class Case(Target):
            def setup(self): return threading.get_ident()
            @operation(raises=(LookupError,))
            def missing(self, state): raise KeyError("x")
            @operation(raises=(Exception,))
            def broken(self, state):
                if threading.get_ident() != state: raise SystemError("NULL without an exception")
        """
    )

    legal, broken = target.run("missing", "missing"), target.run("broken", "missing")

    assert {call.status for calls in legal.calls for call in calls} == {CallStatus.RAISED_LEGAL}
    assert judge(legal).verdict is Verdict.PASSED
    assert broken.calls[0][0].status is CallStatus.RAISED
    assert judge(broken).verdict is Verdict.FAILED


@pytest.mark.parametrize("part", ["setup", "check", "teardown"])
def test_exceptions_beside_the_operations_are_told_apart(stage: Stages, part: str) -> None:
    evidence = stage(
        f"""
        import os
        from stressor.targets import Target, operation
        class Case(Target):
            times = 0
            def count(self, part):
                self.times += part == {part!r}
                if self.times == 3: raise RuntimeError("third")
            def setup(self): self.count("setup")
            def check(self, state): self.count("check")
            def teardown(self, state): self.count("teardown")
            @operation
            def go(self, state): pass
        """
    ).run("go", "go", rounds=9)

    assert evidence.rounds == 3
    told = evidence.setup if part == "setup" else evidence.check
    assert told is not None
    assert (told.message, told.where) == ("third", "target_0.py:count")
    assert judge(evidence).verdict is (Verdict.UNKNOWN if part == "setup" else Verdict.FAILED)


def test_arguments_that_an_operation_changes_are_new_in_every_round(stage: Stages) -> None:
    evidence = stage(
        """
        from hypothesis import strategies as st
        from stressor.targets import Target, operation
        class Case(Target):
            def setup(self): return None
            @operation(items=st.builds(list), number=st.integers(0, 9))
            def fill(self, state, items, number):
                assert items == [], "used before"
                items.append(number)
        """
    ).run("fill:07", "fill:03 fill:01", rounds=5)

    assert evidence.rounds == 5
    assert judge(evidence).verdict is Verdict.PASSED


def test_calls_are_shown_with_their_arguments_when_something_failed(stage: Stages) -> None:
    evidence = stage(
        """
        from hypothesis import strategies as st
        from stressor.targets import Target, operation
        class Case(Target):
            calls = 0
            def setup(self): return None
            @operation(number=st.integers(0, 9))
            def put(self, state, number):
                self.calls += 1
                assert self.calls < 4
        """
    ).run("put:00 put:00 put:00 put:00")

    assert [call.shown for call in evidence.calls[0]] == ["put(number=0)"] * 4


def test_a_plan_decides_the_random_numbers_of_a_target(stage: Stages) -> None:
    target = stage(
        """
        import os, random
        checks = 0
        def SETUP(): return None
        def draw(state): os.write(2, f"{random.random()}\\n".encode())
        def CHECK(state):  # what was printed is kept of a failing trial only
            global checks
            checks += 1
            assert checks < 3
        OPS = {"draw": draw}
        """
    )

    printed = [target.run("draw", rounds=9, seed=seed).stderr for seed in (7, 7, 8)]

    assert printed[0] == printed[1] != printed[2]
    assert printed[0].count("0.") == 3


def test_an_unknown_operation_is_refused_by_name(stage: Stages) -> None:
    with pytest.raises(UsageError, match=r"no operation 'fly'.*add, drop"):
        stage(LIST).run("add fly")
