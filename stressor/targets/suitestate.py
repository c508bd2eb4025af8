"""One test of a suite, set up by pytest and ready to be called from several threads.

Decides what threads share: everything that fixtures made, but for `tmp_path` and `tmpdir`, of which
each thread gets a folder of its own below, because two threads that write one file collide without any
race. A round has fresh function-scoped fixtures; those of wider scopes live as long as the process.
"""

import threading
import unittest
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    import pytest

OWN_FOLDERS = frozenset({"tmp_path", "tmpdir"})


@define
class Prepared:
    """A test between its set-up and its tear-down. `call` may be called by any thread."""

    item: Any
    body: Callable[..., object]
    arguments: dict[str, object]
    folders: frozenset[str]
    after: tuple[Callable[[], object], ...] = ()

    def call(self, drawn: Mapping[str, object]) -> None:
        """Run the body once; what it raises comes through."""
        arguments = self.arguments
        if self.folders or drawn:
            own = {name: _own(arguments[name]) for name in self.folders}
            arguments = arguments | own | dict(drawn)
        self.body(**arguments)

    def finish(self) -> None:
        """Take down what this test alone set up."""
        try:
            for function in self.after:
                function()
        finally:
            # As if another test of the same class came next: wider scopes stay.
            self.item.session._setupstate.teardown_exact(_Sibling(self.item))


class _Sibling:
    """Stands for a next test in the same place."""

    def __init__(self, item: "pytest.Item") -> None:
        self._chain = item.listchain()[:-1]

    def listchain(self) -> list["pytest.Collector"]:
        """Return all that encloses the test."""
        return self._chain  # type: ignore[return-value]  # what encloses an item are collectors


def prepared(item: Any) -> Prepared:  # noqa: ANN401 - a pytest.Function with its private parts
    """Set a test up as pytest does. Raises what its fixtures raise, skips included."""
    from _pytest.tmpdir import tmppath_result_key  # noqa: PLC0415 - pytest only where it is used

    item._initrequest()
    item.stash[tmppath_result_key] = {}  # what reports would write: which folders may be removed
    item.session._setupstate.setup(item)
    if isinstance(getattr(item, "instance", None), unittest.TestCase):
        return _of_unittest(item)
    names = item._fixtureinfo.argnames
    return Prepared(
        item,
        inner_test(item.obj),
        {name: item.funcargs[name] for name in names},
        OWN_FOLDERS.intersection(names),
    )


def _of_unittest(item: Any) -> Prepared:  # noqa: ANN401 - see `prepared`
    """The method alone is what threads call: setUp and tearDown belong to the state."""
    case = item.instance
    for marked in (item.obj, type(case)):
        if getattr(marked, "__unittest_skip__", False):
            raise unittest.SkipTest(getattr(marked, "__unittest_skip_why__", ""))
    case.setUp()
    return Prepared(
        item, getattr(case, item.name), {}, frozenset(), (case.tearDown, case.doCleanups)
    )


def is_given(function: object) -> bool:
    """Whether hypothesis draws the arguments of this test."""
    return getattr(function, "is_hypothesis_test", False) is True


def inner_test(function: Any) -> Callable[..., object]:  # noqa: ANN401 - any test
    """The test itself, without the loop of hypothesis around it."""
    if not is_given(function):
        plain: Callable[..., object] = function
        return plain
    inner = function.hypothesis.inner_test
    owner = getattr(function, "__self__", None)
    bound: Callable[..., object] = inner if owner is None else inner.__get__(owner)
    return bound


def strategies_of(item: Any) -> dict[str, Any]:  # noqa: ANN401 - see `prepared`
    """The strategies of a `@given` test by parameter."""
    return dict(item.obj.hypothesis._given_kwargs)


def _own(folder: Any) -> Any:  # noqa: ANN401 - a pathlib or a py.path one
    name = threading.current_thread().name
    made = Path(str(folder)) / name
    made.mkdir(exist_ok=True)
    return type(folder)(made)
