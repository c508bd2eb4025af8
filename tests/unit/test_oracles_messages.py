"""Last words of processes, as they were printed, and what is left of them."""

import pytest

from stressor.oracles.messages import first_line, normalized, report_of


@pytest.mark.parametrize(
    ("stderr", "text", "late"),
    [
        (
            "noise\nFatal Python error: PyMutex_Unlock: unlocking mutex that is not locked\n"
            "Python runtime state: initialized\n",
            "Fatal Python error: PyMutex_Unlock: unlocking mutex that is not locked",
            False,
        ),
        (
            "Debug memory block at address p=0x3e81a0d00b0: API 'm'\n    0 bytes requested\n"
            "Fatal Python error: _PyMem_DebugRawFree: bad trailing pad byte\n",
            "Fatal Python error: _PyMem_DebugRawFree: bad trailing pad byte (debug allocator)",
            False,
        ),
        (
            "Debug memory block at address p=0x47c90070290: API",
            "the debug allocator found a damaged memory block",
            False,
        ),
        ("malloc(): corrupted top size\n", "malloc(): corrupted top size", True),
        (
            "Exception in thread double free or corruption (!prev)\n",
            "double free or corruption (!prev)",
            True,
        ),
        (
            "double free or corruption (fasttop)\nFatal Python error: Aborted\n",
            "double free or corruption (fasttop)",
            False,
        ),
        (
            "free(): double free detected in tcache 2\n",
            "free(): double free detected in tcache N",
            False,
        ),
        ("free(): invalid next size (fast)\n", "free(): invalid next size (fast)", True),
        (
            "Fatal glibc error: malloc assertion failure in sysmalloc: (old_top == 0)\n",
            "Fatal glibc error: malloc assertion failure in sysmalloc: (old_top == N)",
            True,
        ),
        (
            "python: ../src/ext.c:12: grow: Assertion `n > 3' failed.\n",
            "python: ext.c:N: grow: Assertion `n > N' failed.",
            False,
        ),
        (
            "thread '<unnamed>' panicked at src/lib.rs:7:5:\n",
            "thread '...' panicked at lib.rs:N:N:",
            False,
        ),
        (
            "terminate called after throwing an instance of 'std::bad_alloc'\n",
            "terminate called after throwing an instance of '...'",
            False,
        ),
    ],
)
def test_the_telling_line(stderr: str, text: str, late: bool) -> None:
    report = report_of(stderr)
    assert report is not None
    assert (report.text, report.late) == (text, late)


@pytest.mark.parametrize(
    "stderr", ["", "all is well\n", "Fatal Python error: Segmentation fault\n"]
)
def test_no_telling_line(stderr: str) -> None:
    assert report_of(stderr) is None


def test_what_changes_from_run_to_run_is_gone() -> None:
    first = normalized(
        "bad object 0x7f00aa at /tmp/x1/Objects/listobject.c:381 named 'one', 17.5 s"
    )
    second = normalized("bad object 0x1234 at /var/b/listobject.c:9 named 'other thing', 3 s")
    assert first == second == "bad object ADDRESS at listobject.c:N named '...', N s"
    assert len(normalized("x" * 1000)) <= 160


def test_of_a_traceback_the_last_line_tells() -> None:
    assert (
        first_line("Traceback (most recent call last):\n  File x\nValueError: no\n")
        == "ValueError: no"
    )
    assert first_line("\n  one\ntwo") == "one"
    assert first_line(" \n") == ""
