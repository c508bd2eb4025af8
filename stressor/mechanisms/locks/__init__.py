"""Locks: mutexes, the parking lot, events, critical sections."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.locks.deadlock import DeadlockDetection
from stressor.mechanisms.locks.event import PyEvent
from stressor.mechanisms.locks.llist import LinkedList
from stressor.mechanisms.locks.monitor import Monitor
from stressor.mechanisms.locks.once import OnceFlag
from stressor.mechanisms.locks.onesection import OneSection
from stressor.mechanisms.locks.park import ParkingLot
from stressor.mechanisms.locks.pymutex import PyMutex
from stressor.mechanisms.locks.raw import RawMutex
from stressor.mechanisms.locks.staticinit import StaticInit
from stressor.mechanisms.locks.suspension import Suspension
from stressor.mechanisms.locks.twosections import TwoSections

MECHANISMS: tuple[type[Mechanism], ...] = (
    PyMutex,
    StaticInit,
    RawMutex,
    ParkingLot,
    PyEvent,
    OnceFlag,
    LinkedList,
    OneSection,
    TwoSections,
    Suspension,
    Monitor,
    DeadlockDetection,
)
