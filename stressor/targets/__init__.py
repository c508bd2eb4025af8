"""Targets: what is tested. A harness is a Python file, a folder with a `target.py`, or a module.

The class format, for harnesses that are kept:

    from hypothesis import strategies as st
    from stressor.targets import Target, operation

    class Queue(Target):
        def setup(self):                                    # makes the shared state, every round
            return mypkg.Queue(maxsize=4)

        @operation(item=st.integers(0, 9), raises=(mypkg.Full,))
        def put(self, queue, item):                         # run by all threads at once
            queue.put_nowait(item)

        @operation(raises=(mypkg.Empty,), weight=2)
        def get(self, queue):
            return queue.get_nowait()

        def check(self, queue):                             # optional: all threads are parked
            assert len(queue) <= 4

The quick format: `SETUP()`, `OPS = {"put": function_of_state, ...}` and an optional `CHECK(state)`;
its operations swallow the exceptions that are legal, any other is a finding.

Importing this package is cheap and loads no extension module, since a target does it in the child:
hypothesis is imported only for operations that have arguments, and `stressor.targets.programs`,
which is for the parent, only by the parent.
"""

from stressor.targets.definition import Target, operation
from stressor.targets.errors import HarnessError
from stressor.targets.harness import Harness, Operation, OperationInfo
from stressor.targets.loading import load

__all__ = [
    "Harness",
    "HarnessError",
    "Operation",
    "OperationInfo",
    "Target",
    "load",
    "operation",
]
