"""Feeds that break a law of the C API now and then, and their twins that keep them."""

import feed as case  # type: ignore[import-not-found]  # built when this is loaded

from stressor.targets import Target, operation


class _Feed(Target):
    def setup(self) -> case.Feed:
        return case.Feed()

    @operation
    def put(self, feed: case.Feed) -> None:
        feed.put(None)


class CarelessSections(_Feed):
    @operation
    def drain(self, feed: case.Feed) -> object:
        return feed.careless_drain()


class CarefulSections(_Feed):
    @operation
    def drain(self, feed: case.Feed) -> object:
        return feed.careful_drain()


class CarelessDetached(_Feed):
    @operation
    def count(self, feed: case.Feed) -> object:
        return feed.careless_count()


class CarefulDetached(_Feed):
    @operation
    def count(self, feed: case.Feed) -> object:
        return feed.careful_count()


class CarelessStates(_Feed):
    @operation
    def flush(self, feed: case.Feed) -> None:
        feed.careless_flush()


class CarefulStates(_Feed):
    @operation
    def flush(self, feed: case.Feed) -> None:
        feed.careful_flush()
