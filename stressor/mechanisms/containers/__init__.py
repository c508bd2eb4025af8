"""Caches and containers that are read without a lock."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.containers.dicts import OptimisticDict
from stressor.mechanisms.containers.funcversions import FunctionVersions
from stressor.mechanisms.containers.lists import OptimisticList
from stressor.mechanisms.containers.refchain import RefChain
from stressor.mechanisms.containers.trampolines import TrampolineCache
from stressor.mechanisms.containers.types import TypeCache
from stressor.mechanisms.containers.weakrefs import WeakReference

MECHANISMS: tuple[type[Mechanism], ...] = (
    TypeCache,
    OptimisticList,
    OptimisticDict,
    WeakReference,
    FunctionVersions,
    RefChain,
    TrampolineCache,
)
