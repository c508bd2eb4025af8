"""Reference counting: plain, atomic, biased, buffered, deferred."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.refcount.biased import BiasedCounting
from stressor.mechanisms.refcount.plain import PlainCounting

MECHANISMS: tuple[type[Mechanism], ...] = (PlainCounting, BiasedCounting)
