"""Oracles: pure functions from evidence to failures, and the verdict that they add up to.

An oracle never looks at a live process, so it works the same on a clean exit and on a crash, and its
unit test is a literal. What is observed, and how a stuck child is ended, is `stressor.campaign`'s.
"""

from stressor.oracles.registry import ALL, Oracle
from stressor.oracles.verdict import judge

__all__ = ["ALL", "Oracle", "judge"]
