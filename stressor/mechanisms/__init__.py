"""Reference implementations of concurrency mechanisms, scheduled, and broken on purpose.

A mechanism is one file in one of the group packages, written on `base`; `exploring` runs it under a
scheduler that it is handed, `exhaustive` goes through all its states. Nothing here knows CPython at
run time, starts a thread, or loads the shim: a model is a plain Python program with a name.
"""
