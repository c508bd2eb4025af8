"""Shutdown, fork, and threads that come and go meanwhile."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.shutdown.fork import ForkWithThreads
from stressor.mechanisms.shutdown.handles import HandlesAfterFork
from stressor.mechanisms.shutdown.joinnew import JoinByEvent
from stressor.mechanisms.shutdown.joinold import JoinByLock
from stressor.mechanisms.shutdown.runmain import RunningMain
from stressor.mechanisms.shutdown.start import StartDuringFinalization
from stressor.mechanisms.shutdown.stopping import StopForShutdown
from stressor.mechanisms.shutdown.waiting import WaitForThreads

MECHANISMS: tuple[type[Mechanism], ...] = (
    ForkWithThreads,
    StopForShutdown,
    JoinByLock,
    JoinByEvent,
    WaitForThreads,
    HandlesAfterFork,
    StartDuringFinalization,
    RunningMain,
)
