"""The child side: a fork server that imports a target once, and one forked child per trial.

Started by name (`python -m stressor.runtime`) and never imported by the parent. Keeps its imports
few: every extension module that is loaded before the target is one more that is instrumented,
scanned and copied at each fork.
"""
