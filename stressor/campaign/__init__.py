"""Carrying plans out, in the parent: hosts, supervision, budget, and what is tried next.

Never imports a target nor the native shim: whatever they do, this process lives to tell. The child
side is `stressor.runtime`, started by name as a process of its own.
"""
