"""stressor: a fault-injection stress tester for free-threaded CPython extensions.

Importing the package imports nothing else: no compiled part, no third-party package, so that
`./dev` can find or build an interpreter with whatever Python the machine has.
"""

__version__ = "0.1.0"
