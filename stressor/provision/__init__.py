"""How a checkout or a user gets a free-threaded CPython and an environment on it.

Private; `stressor.interpreter` is the public home of what others may use. Everything here runs on
any Python >= 3.11 with the standard library alone, since it runs before there is anything else.
"""
