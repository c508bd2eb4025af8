"""Minimizing: from a trial that failed to a cheaper plan that fails in the same way as often.

Decides what to leave out, in which order, and when a candidate counts as failing although failures
come by chance. How a plan is carried out is handed in: a function from a plan to a trial.
"""

from stressor.minimize.effort import Effort
from stressor.minimize.search import CarryOut, Search
from stressor.minimize.shrink import minimize

__all__ = ["CarryOut", "Effort", "Search", "minimize"]
