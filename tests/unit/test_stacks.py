"""Stack providers without any process: which is asked, what is said when none can."""

import os
import sys

import pytest

from stressor.campaign.stacks import pyspy, pystack
from stressor.campaign.stacks.bysignal import BySignal
from stressor.campaign.stacks.provider import NoStacks, command_output
from stressor.campaign.stacks.registry import OUTSIDERS, shortcoming, take_stacks


class Fake:
    """A provider that says what it was told to."""

    def __init__(self, name: str, obstacle: str | None = None, failure: str = "") -> None:
        self.name = name
        self._obstacle = obstacle
        self._failure = failure
        self.asked: list[int] = []

    def obstacle(self) -> str | None:
        return self._obstacle

    def dump(self, pid: int) -> str:
        self.asked.append(pid)
        if self._failure:
            raise NoStacks(self._failure)
        return f"stacks of {pid}"


def test_the_first_that_can_answers_and_is_named() -> None:
    absent, broken = Fake("absent", obstacle="not installed"), Fake("broken", failure="no symbols")
    good, spare = Fake("good"), Fake("spare")

    text = take_stacks(42, (absent, broken, good, spare))

    assert text == "stacks by good:\nstacks of 42"
    assert (absent.asked, broken.asked, spare.asked) == ([], [42], [])


def test_when_none_can_every_reason_is_given() -> None:
    text = take_stacks(42, (Fake("a", obstacle="not installed"), Fake("b", failure="no symbols")))

    assert text == "no stacks:\na: not installed\nb: no symbols"


def test_most_telling_first() -> None:
    assert [provider.name for provider in OUTSIDERS] == ["pystack", "py-spy"]


def test_what_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)

    assert "pip install pystack" in str(pystack.Pystack().obstacle())
    assert "pip install py-spy" in str(pyspy.PySpy().obstacle())
    assert shortcoming(pyspy.PySpy()) == pyspy.PySpy().obstacle()
    with pytest.raises(NoStacks, match="not installed"):
        pyspy.PySpy().dump(1)


def test_importing_the_providers_does_not_import_pystack_itself() -> None:
    # Its extension module turns the GIL on, in whoever imports it.
    assert "pystack" not in sys.modules
    assert "pystack._pystack" not in sys.modules


def test_a_command_that_does_not_exist_is_a_reason() -> None:
    with pytest.raises(NoStacks, match="cannot be run: No such file"):
        command_output(["/nonexistent/dumper", "1"])


def test_by_signal_needs_an_answer_that_is_a_stack() -> None:
    # Signal 0 is only a question whether the process is there.
    own = BySignal(0, lambda seconds: "Thread 0x1 (most recent call first):\n  File x")

    assert "most recent call first" in own.dump(os.getpid())
    with pytest.raises(NoStacks, match="no answer"):
        BySignal(0, lambda seconds: "chatter").dump(os.getpid())
    with pytest.raises(NoStacks, match="signal 0"):
        BySignal(0, lambda seconds: "").dump(2**22 + 1)
