"""Feeds that break a law of the C API now and then, and their twins that keep them."""

import feed as case

from stressor.targets import Target, operation


class _Feed(Target):
    def setup(self):
        return case.Feed()

    @operation
    def put(self, feed):
        feed.put(None)


class CarelessSections(_Feed):
    @operation
    def drain(self, feed):
        return feed.careless_drain()


class CarefulSections(_Feed):
    @operation
    def drain(self, feed):
        return feed.careful_drain()


class CarelessDetached(_Feed):
    @operation
    def count(self, feed):
        return feed.careless_count()


class CarefulDetached(_Feed):
    @operation
    def count(self, feed):
        return feed.careful_count()


class CarelessStates(_Feed):
    @operation
    def flush(self, feed):
        feed.careless_flush()


class CarefulStates(_Feed):
    @operation
    def flush(self, feed):
        feed.careful_flush()
