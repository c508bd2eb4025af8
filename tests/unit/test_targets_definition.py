"""What `@operation` accepts and refuses, and how both formats become a harness."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

from stressor.targets import HarnessError, OperationInfo, Target, operation
from stressor.targets.harness import from_class, from_quick


class Counter(Target):
    def setup(self) -> list[int]:
        return []

    @operation
    def grow(self, state: list[int]) -> None:
        state.append(1)

    @operation(size=st.integers(1, 3), raises=(IndexError, KeyError), weight=2)
    def shrink(self, state: list[int], size: int) -> int:
        for _ in range(size):
            state.pop()
        return size


def quick(**names: object) -> ModuleType:
    module = ModuleType("quick")
    vars(module).update(names)
    return module


def test_class_becomes_a_harness() -> None:
    harness = from_class("counter", Counter)
    assert [each.info for each in harness.operations] == [
        OperationInfo("grow", has_arguments=False, weight=1.0),
        OperationInfo("shrink", has_arguments=True, weight=2.0),
    ]
    assert harness.operation("shrink").legal == (IndexError, KeyError)
    state = harness.setup()
    harness.operation("grow").call(state, {})
    assert harness.operation("shrink").call(state, {"size": 1}) == 1
    with pytest.raises(IndexError):
        harness.operation("shrink").call(state, {"size": 1})
    harness.check(state)
    harness.teardown(state)


def test_single_exception_type_is_enough() -> None:
    class Single(Counter):
        @operation(raises=ValueError)
        def only(self, state: object) -> None: ...

    assert from_class("single", Single).operation("only").legal == (ValueError,)


def test_class_need_not_derive_from_target() -> None:
    class Plain:
        def setup(self) -> list[int]:
            return [1]

        @operation
        def look(self, state: list[int]) -> int:
            return state[0]

    harness = from_class("plain", Plain)
    assert harness.operation("look").call(harness.setup(), {}) == 1
    harness.check([])


def test_subclass_adds_and_removes_operations() -> None:
    class More(Counter):
        def grow(self, state: list[int]) -> None:  # overridden without the decorator
            raise AssertionError

        @operation
        def clear(self, state: list[int]) -> None:
            state.clear()

    assert [each.name for each in from_class("more", More).operations] == ["shrink", "clear"]


def test_unknown_operation_is_named_with_the_known_ones() -> None:
    with pytest.raises(HarnessError, match=r"no operation 'gone'; it has: grow, shrink"):
        from_class("counter", Counter).operation("gone")


def test_missing_setup_is_refused() -> None:
    class NoSetup(Target):
        @operation
        def look(self, state: object) -> None: ...

    with pytest.raises(HarnessError, match="has no setup"):
        from_class("x", NoSetup)


def test_missing_operations_are_refused() -> None:
    class NoOperations(Target):
        def setup(self) -> None: ...

        def look(self, state: object) -> None: ...

    with pytest.raises(HarnessError, match="no operations"):
        from_class("x", NoOperations)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"raises": "KeyError"}, "give an exception type"),
        ({"raises": (KeyError, 3)}, "give an exception type"),
        ({"raises": KeyError()}, "give an exception type"),
        ({"weight": 0}, "above zero"),
        ({"weight": float("nan")}, "above zero"),
        ({"weight": "often"}, "above zero"),
        ({"size": 3}, "is not a hypothesis strategy"),
        ({"size": st.integers(), "more": st.integers()}, "which the method does not take"),
        ({}, "has no strategy for 'size'"),
    ],
)
def test_bad_declaration_is_refused_where_it_stands(said: dict[str, Any], why: str) -> None:
    def method(self: object, state: object, size: int) -> None: ...

    with pytest.raises(HarnessError, match=why) as refused:
        operation(**said)(method)
    assert "method" in str(refused.value)


def test_argument_with_a_default_needs_no_strategy() -> None:
    class Default(Counter):
        @operation
        def push(self, state: list[int], value: int = 7) -> None:
            state.append(value)

    state: list[int] = []
    from_class("default", Default).operation("push").call(state, {})
    assert state == [7]


@pytest.mark.parametrize("method", [lambda: None, lambda self: None, len, staticmethod(len)])
def test_what_is_no_method_is_refused(method: Callable[..., object]) -> None:
    with pytest.raises(HarnessError, match="@operation on"):
        operation(method)


def test_operation_defined_twice_is_refused() -> None:
    with pytest.raises(HarnessError, match="defined twice"):

        class Twice(Target):
            @operation
            def push(self, state: object) -> None: ...

            @operation(weight=2)  # type: ignore[no-redef]  # this is what is tested
            def push(self, state: object) -> None: ...  # noqa: F811


def test_quick_format_becomes_a_harness() -> None:
    seen: list[object] = []
    harness = from_quick("q", quick(SETUP=lambda: "state", OPS={"see": seen.append, "get": len}))
    assert [each.info for each in harness.operations] == [
        OperationInfo("see"),
        OperationInfo("get"),
    ]
    assert harness.operation("get").call(harness.setup(), {}) == len("state")
    harness.operation("see").call("it", harness.operation("see").arguments(""))
    assert seen == ["it"]
    harness.check("state")


def test_quick_check_is_called() -> None:
    def check(state: object) -> None:
        raise AssertionError(state)

    harness = from_quick("q", quick(SETUP=list, OPS={"a": print}, CHECK=check))
    with pytest.raises(AssertionError, match="it"):
        harness.check("it")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({"OPS": {"a": print}}, "no SETUP"),
        ({"SETUP": list}, "OPS must be a dict"),
        ({"SETUP": list, "OPS": {}}, "OPS must be a dict"),
        ({"SETUP": list, "OPS": [print]}, "OPS must be a dict"),
        ({"SETUP": list, "OPS": {"a": 3}}, r"OPS\['a'\] is 3"),
        ({"SETUP": list, "OPS": {3: print}}, "named by strings"),
        ({"SETUP": list, "OPS": {"a": print}, "CHECK": 3}, "CHECK is 3"),
    ],
)
def test_broken_quick_harness_is_refused(names: dict[str, object], why: str) -> None:
    with pytest.raises(HarnessError, match=why):
        from_quick("q", quick(**names))
