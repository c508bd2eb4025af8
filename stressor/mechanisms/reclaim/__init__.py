"""Memory reclamation: quiescent states, delayed free, heaps and pages."""

from stressor.mechanisms.base import Mechanism

MECHANISMS: tuple[type[Mechanism], ...] = ()
