"""Memory reclamation: quiescent states, delayed free, heaps and pages."""

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.reclaim.abandon import AbandonedPool
from stressor.mechanisms.reclaim.alloclock import AllocatorTable
from stressor.mechanisms.reclaim.fill import Fill
from stressor.mechanisms.reclaim.freedelay import FreeDelayed
from stressor.mechanisms.reclaim.heaps import Heaps
from stressor.mechanisms.reclaim.obmalloc import Obmalloc
from stressor.mechanisms.reclaim.pageq import PageQueue
from stressor.mechanisms.reclaim.qsbr import Qsbr
from stressor.mechanisms.reclaim.tags import Tags

MECHANISMS: tuple[type[Mechanism], ...] = (
    Qsbr,
    FreeDelayed,
    Heaps,
    Tags,
    AbandonedPool,
    PageQueue,
    Fill,
    Obmalloc,
    AllocatorTable,
)
