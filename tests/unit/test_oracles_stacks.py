"""Stacks as text of the three providers, as they were printed, read into frames."""

from stressor.model.evidence import Frame
from stressor.oracles.stacks import PythonFrame, read_stacks

PYSTACK = """\
Traceback for thread 1071 (python) [] (most recent call last):
    (C) File "./nptl/pthread_create.c", line 442, in start_thread (/usr/lib/libc.so.6)
    (Python) File "/lib/python3.13t/threading.py", line 1015, in _bootstrap
        self._bootstrap_inner()
    (Python) File "/home/me/hang.py", line 10, in push
        with a: pass
    (C) File "./ext.c", line 77, in take.constprop.0 (/site/ext.so)
    (C) File "./ext.c", line 70, in wait_for (inlined) (/site/ext.so)
    (C) File "???", line 0, in sem_wait@@GLIBC_2.34 (/usr/lib/libc.so.6)

Traceback for thread 1068 (python) [Has the GIL] (most recent call last):
    (Python) File "/home/me/hang.py", line 14, in <module>
        [t.join() for t in ts]
"""

FAULTHANDLER = """\
Thread 0x00007f0b300b76c0 [pool_1] (most recent call first):
  File "/home/me/hang.py", line 2 in push
  File "/lib/python3.13t/threading.py", line 995 in run

Current thread 0x00007f0b30113740 (most recent call first):
  File "<stdin>", line 4 in <module>
"""

PYSPY = """\
Process 77: python hang.py
Python v3.14.0 (/usr/bin/python3.14t)

Thread 77 (idle): "MainThread"
    take (ext.so)
    push (hang.py:14)
Thread 0x7F01 (active): "Thread-1"
    run (threading.py:10)
"""


def test_pystack_is_outermost_first_and_inlined_functions_are_left_out() -> None:
    first, second = read_stacks(PYSTACK)
    assert first == (
        Frame("libc.so.6", 0, "sem_wait", None, "/usr/lib/libc.so.6"),
        Frame("ext.so", 0, "take", "./ext.c:77", "/site/ext.so"),
        PythonFrame("/home/me/hang.py", "push"),
        PythonFrame("/lib/python3.13t/threading.py", "_bootstrap"),
        Frame("libc.so.6", 0, "start_thread", "./nptl/pthread_create.c:442", "/usr/lib/libc.so.6"),
    )
    assert second == (PythonFrame("/home/me/hang.py", "<module>"),)


def test_faulthandler_is_innermost_first() -> None:
    assert read_stacks(FAULTHANDLER) == (
        (
            PythonFrame("/home/me/hang.py", "push"),
            PythonFrame("/lib/python3.13t/threading.py", "run"),
        ),
        (PythonFrame("<stdin>", "<module>"),),
    )


def test_py_spy_is_innermost_first() -> None:
    assert read_stacks(PYSPY) == (
        (Frame("ext.so", 0, "take", None, "ext.so"), PythonFrame("hang.py", "push")),
        (PythonFrame("threading.py", "run"),),
    )


def test_any_other_text_has_no_stacks() -> None:
    assert read_stacks("") == ()
    assert read_stacks("cannot attach: permission denied\n  File x") == ()
