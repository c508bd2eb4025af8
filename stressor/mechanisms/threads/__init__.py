"""Thread states, and stopping the world."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.threads.breaker import EvalBreaker
from stressor.mechanisms.threads.clear import ClearThreadState
from stressor.mechanisms.threads.current import CurrentThreadState
from stressor.mechanisms.threads.instrumentation import InstrumentationVersion
from stressor.mechanisms.threads.pending import PendingCalls
from stressor.mechanisms.threads.state import AttachAndDetach
from stressor.mechanisms.threads.stoptheworld import StopTheWorld

MECHANISMS: tuple[type[Mechanism], ...] = (
    AttachAndDetach,
    CurrentThreadState,
    StopTheWorld,
    EvalBreaker,
    InstrumentationVersion,
    PendingCalls,
    ClearThreadState,
)
