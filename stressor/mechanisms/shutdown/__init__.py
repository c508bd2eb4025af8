"""Shutdown, fork, and threads that come and go meanwhile."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
