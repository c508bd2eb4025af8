"""The canary's harness: one thread peeks at an item, another replaces it."""

import stressor_canary  # type: ignore[import-not-found]  # compiled on first use


def SETUP() -> list[object]:  # noqa: N802 - the name is the format's
    """Make a list of one object that nobody else refers to."""
    return [object()]


def peek(items: list[object]) -> object:
    """Read the item through the extension."""
    item: object = stressor_canary.peek(items)
    return item


def replace(items: list[object]) -> None:
    """Drop the item that is there, many times.

    An object dies at once only if the thread that drops it also made it: else its count is merged
    later, by its owner (PEP 703). So the first drop kills nothing, and those after it do.
    """
    for _ in range(500):
        items[0] = object()


OPS = {"peek": peek, "replace": replace}
