"""Models carried out in this process: which class a name means, who schedules it, what became of it.

What the command line and the pytest plugin have in common. There is no target and no child here, and
nothing is instrumented; the shim is loaded for its schedulers alone, and only when they are wanted.
"""
