"""Strategies: where a plan's rules come from. Pure functions of a generator and the known sites.

Which strategy is tried when, and with which program, is decided by `stressor.campaign`; a strategy
leaves nothing but rules behind, so replaying needs none of this.
"""

from stressor.strategies.protocol import Strategy
from stressor.strategies.registry import BY_NAME, STRATEGIES

__all__ = ["BY_NAME", "STRATEGIES", "Strategy"]
