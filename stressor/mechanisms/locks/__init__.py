"""Locks: mutexes, the parking lot, events, critical sections."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.locks.pymutex import PyMutex

MECHANISMS: tuple[type[Mechanism], ...] = (PyMutex,)
