"""Interpreters, their locks, and what passes between them."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
