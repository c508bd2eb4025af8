"""The part of a harness that its operations need: what is kept, what is not, what is refused."""

import pytest

from stressor.report.excerpt import CannotExcerptError, excerpt

CLASS = '''"""A docstring."""

from __future__ import annotations

import csv
import os, sys
from itertools import chain, repeat

from hypothesis import strategies as st

from stressor.targets import Target, operation

NAMES = st.sampled_from(["a",
                         "b"])
UNUSED = 1
LIMIT = 4


class State:
    def __init__(self):
        self.rows = []


class Reader(Target):
    """What threads do."""

    size = LIMIT

    def setup(self):
        return State()

    @operation(name=NAMES)
    def pull(self, state, name):
        self.lines(state)
        return chain(state.rows, name)

    @operation
    def lines(self, state):
        return state.rows

    # Not called.
    @operation(raises=csv.Error)
    def other(self, state):
        text = """

        kept as it is
        """
        return repeat(text)

    def check(self, state):
        other = len(state.rows)
        assert other <= LIMIT, other


if __name__ == "__main__":
    print(UNUSED)
'''

QUICK = """import queue
import operator

queue.patched = True


def SETUP():
    return queue.SimpleQueue()


def put(state):
    state.put(object())


def get(state):
    operator.methodcaller("get")(state)


OPS = {
    "put": put,
    "get": get,
    "set 1": lambda state: state.put(1),
}
"""


def test_a_class_without_the_operations_that_are_not_called() -> None:
    lines = excerpt(CLASS, {"pull"})
    text = "\n".join(lines)
    compile(text, "excerpt", "exec")
    assert lines[:5] == [
        "from __future__ import annotations",
        "from itertools import chain",
        "from hypothesis import strategies as st",
        "from stressor.targets import Target, operation",
        "",
    ]
    assert "class State:" in lines
    assert 'NAMES = st.sampled_from(["a",\n                         "b"])' in text
    # It is called by what is called.
    assert "def lines(" in text
    for gone in ("csv", "os", "UNUSED", "def other(", "docstring", "__main__", "kept as it is"):
        assert gone not in text


def test_an_operation_that_is_called_is_kept_as_it_is() -> None:
    text = "\n".join(excerpt(CLASS, {"other"}))
    assert 'text = """\n\n        kept as it is\n        """' in text
    assert "import csv" in text
    assert "def pull(" not in text
    assert "NAMES" not in text


def test_the_quick_form_keeps_the_rows_of_its_table() -> None:
    assert excerpt(QUICK, {"put", "set 1"}) == [
        "import queue",
        "",
        "queue.patched = True",
        "",
        "def SETUP():",
        "    return queue.SimpleQueue()",
        "",
        "def put(state):",
        "    state.put(object())",
        "",
        "OPS = {'put': put, 'set 1': lambda state: state.put(1)}",
    ]


def test_a_table_that_is_made_elsewhere_is_kept_whole() -> None:
    lines = excerpt(QUICK + 'OPS.update({"more": get})\n', {"put", "more"})
    assert "def get(state):" in lines
    assert lines[-1] == 'OPS.update({"more": get})'


def test_a_check_is_kept() -> None:
    lines = excerpt(QUICK + "def CHECK(state):\n    assert state.empty()\n", {"put"})
    assert "def CHECK(state):" in lines


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (QUICK + "HERE = __file__\ndef CHECK(state): print(HERE)\n", "it uses __file__"),
        (QUICK + "globals()['x'] = 1\n", "it uses globals"),
        ("from . import base\nSETUP = base.SETUP\nOPS = base.OPS\n", "relative to its package"),
        ("import quota\nSETUP = quota.Quota\nOPS = {'put': quota.put}\n", "quota, which lies bes"),
        ("from quota.inner import SETUP, OPS\n", "quota.inner, which lies beside"),
        ("x = 1; y = 2\n" + QUICK, "several statements in one line"),
        ("import mypkg\nclass A(mypkg.Base): pass\n", "not plain to see"),
        (CLASS + "class Second(Target): pass\n", "not plain to see"),
        ("def SETUP(:\n", "no Python file"),
    ],
    ids=lambda each: each[-20:],
)
def test_what_cannot_be_taken_apart_is_refused_with_the_reason(source: str, why: str) -> None:
    with pytest.raises(CannotExcerptError, match=why):
        excerpt(source, {"put"}, beside={"quota"})


def test_a_named_class_is_the_one() -> None:
    source = CLASS + "class Second(Reader):\n    @operation\n    def third(self, state): pass\n"
    assert "    def third(self, state): pass" in excerpt(source, {"third"}, "Second")
