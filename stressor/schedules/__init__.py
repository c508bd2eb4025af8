"""Controlled schedules in the parent: what is asked of the child's schedulers, and what is learnt.

Searches, recordings and the feedback pool are pure functions and small machines over plans and the
steps that were observed. Which plan is made when is decided by `stressor.campaign`; choosing at a
visit is the shim's (`native/src`), with the switches and the scheduler that a plan's schedule names.
"""
