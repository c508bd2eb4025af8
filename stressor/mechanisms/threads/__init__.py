"""Thread states, and stopping the world."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
