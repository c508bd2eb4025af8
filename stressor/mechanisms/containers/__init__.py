"""Caches and containers that are read without a lock."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
