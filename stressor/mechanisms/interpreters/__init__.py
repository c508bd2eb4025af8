"""Interpreters: their GILs, and what they do for one another."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.interpreters.drop_gil import ForcedSwitching
from stressor.mechanisms.interpreters.ext_cache import ExtensionsCache
from stressor.mechanisms.interpreters.memory_view import CrossInterpreterView
from stressor.mechanisms.interpreters.own_gil import OwnGil
from stressor.mechanisms.interpreters.session import Session
from stressor.mechanisms.interpreters.ts_reuse import ThreadStateReuse
from stressor.mechanisms.interpreters.xid import CrossInterpreterRegistry

MECHANISMS: tuple[type[Mechanism], ...] = (
    OwnGil,
    ForcedSwitching,
    CrossInterpreterView,
    CrossInterpreterRegistry,
    ThreadStateReuse,
    ExtensionsCache,
    Session,
)
