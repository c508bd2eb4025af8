"""Garbage collection and finalization."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
