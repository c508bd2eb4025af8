"""Reference counting: plain, atomic, biased, buffered, deferred."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.refcount.biased import BiasedCounting
from stressor.mechanisms.refcount.borrowed import BorrowedReferences
from stressor.mechanisms.refcount.buffered import BufferedCounting
from stressor.mechanisms.refcount.deferred import DeferredCounting
from stressor.mechanisms.refcount.doomed import DoomedList
from stressor.mechanisms.refcount.immortal import ImmortalObjects
from stressor.mechanisms.refcount.mergequeue import MergeQueue
from stressor.mechanisms.refcount.plain import PlainCounting
from stressor.mechanisms.refcount.revoked import SyncAsyncCounting
from stressor.mechanisms.refcount.stackdeferred import StackDeferred
from stressor.mechanisms.refcount.tried import ConditionalIncrement

MECHANISMS: tuple[type[Mechanism], ...] = (
    PlainCounting,
    BorrowedReferences,
    BiasedCounting,
    MergeQueue,
    ConditionalIncrement,
    ImmortalObjects,
    DeferredCounting,
    StackDeferred,
    DoomedList,
    BufferedCounting,
    SyncAsyncCounting,
)
