"""Garbage collection and finalization."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.collector.finalizer import FinalizerThread
from stressor.mechanisms.collector.freethreaded import Collector
from stressor.mechanisms.collector.tracing import Tracing

MECHANISMS: tuple[type[Mechanism], ...] = (Collector, Tracing, FinalizerThread)
